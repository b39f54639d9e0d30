"""The deployed system, as the checks see it: the API, AWS with an administrator's keys, and tokens."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
from botocore.config import Config

from conformance.configuration import ALIAS, KEY, object_arn
from conformance.tokens import READERS, WRITERS, Identities
from jitney.configuration.partitions import partition_of

PATIENCE_SECONDS = 60.0
type Keys = Mapping[str, str]
_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
_REPEATED = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)


@dataclass(frozen=True, slots=True)
class ConformanceSystem:
    """A deployment, and how to reach it.

    `outputs` are those of the broker's stack. `admin` are the administrator's keys as variables of boto3, {} for those
    of the environment. `environment` is that of a command with these keys. `revert_drift` deploys the target's
    unchanged template with drift reversal, and `replicate` deploys the broker with buckets for replicas and returns
    `broker.replication`; None if the place cannot.
    """

    on_aws: bool
    account: str
    region: str
    second_region: str
    api_url: str
    outputs: Mapping[str, str]
    role_arn: str
    bucket: str
    identities: Identities
    deploy_seconds: Mapping[str, float]
    environment: Mapping[str, str] = field(repr=False)
    admin: Keys = field(default_factory=dict, repr=False)
    endpoint: str | None = None
    revert_drift: Callable[[], None] | None = None
    replicate: Callable[[], Mapping[str, str]] | None = None

    @property
    def partition(self) -> str:
        """The partition of the ARNs."""
        return partition_of(self.region)

    def object_arn(self, key: str) -> str:
        """Return the ARN of an object that agents read or write."""
        return object_arn(self.bucket, self.region, key)

    def client(self, service: str, keys: Keys | None = None, region: str = "") -> Any:
        """Return a client with a grant's keys, or else with the administrator's. Only the latter retries calls."""
        made, config = (self.admin, _REPEATED) if keys is None else (keys, _ONCE)
        return boto3.client(  # type: ignore[call-overload]
            service, region_name=region or self.region, endpoint_url=self.endpoint, config=config, **made
        )

    def send(
        self, verb: str, path: str, token: str, body: Any = None, *, key: str = "", **headers: str
    ) -> httpx.Response:
        """Return the API's answer to a request with the token and JSON body. `key` is its idempotency key."""
        given = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or uuid.uuid4().hex, **headers}
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=self.on_aws) as http:
            return http.request(verb, f"{self.api_url}{path}", headers=given, **content)

    def agent_token(self, agent: str) -> str:
        """Return a token of an agent that policies permit what the checks request."""
        return self.identities.agent(agent, (READERS, WRITERS))

    def opened(
        self, agent: str, actions: Sequence[str] = (), resources: Sequence[str] = (), **members: Any
    ) -> dict[str, Any]:
        """Return the answer to an agent's request, which is allowed or under review. Raises RuntimeError otherwise.

        `members` are further ones of the body, such as `permissions` instead of actions and resources.
        """
        body = {
            "target": ALIAS,
            "permissions": [{"actions": list(actions), "resources": list(resources)}],
            "duration_seconds": 900,
            "reason": "conformance",
            **members,
        }
        answer = self.send("POST", "/v1/grants", self.agent_token(agent), body)
        if not answer.is_success:
            raise RuntimeError(f"POST /v1/grants answered {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())

    def read_grant(self, agent: str, **members: Any) -> dict[str, Any]:
        """Return the answer to a request to read an object, which the policies allow."""
        return self.opened(agent, ("s3:GetObject",), (self.object_arn(KEY),), **members)


def session_keys(credentials: Mapping[str, str]) -> dict[str, str]:
    """Return the API's or STS's credentials as arguments of boto3."""
    plain = {name.replace("_", "").lower(): value for name, value in credentials.items()}
    names = ("access_key_id", "secret_access_key", "session_token")
    return {f"aws_{name}": plain[name.replace("_", "")] for name in names}


def new_agent() -> str:
    """Return the name of an agent that no other check uses."""
    return f"agent-{uuid.uuid4().hex[:12]}"
