"""The container credentials endpoint of AWS's SDKs, for one grant.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import hmac
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jitney.client.api.responses import ApiCredentials
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.problem_texts import error_code, message_of
from jitney.client.gateway.received import ReceivedRequest
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.problems import ClientProblem, Denied, GrantEnded, Invalid, ReviewPending, Unauthenticated

CREDENTIALS_PATH = "/.jitney/credentials"
"""The endpoint's path. It is not a path of AWS, because a bucket's name begins with a letter or a digit."""

# Variables that hide what SDKs try before an endpoint: the credentials file, ~/.boto (boto3 and the AWS CLI), and the
# file of the MinIO Client (restic). Some SDKs also try a machine's metadata service.
HIDDEN_SOURCES = {
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BOTO_CONFIG": os.devnull,
    "MINIO_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# SDKs show the message of 4xx only. They repeat a request a few times after any error.
_STATUSES: Mapping[type[ClientProblem], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Denied: 403,
    ReviewPending: 409,
    GrantEnded: 410,
}


@dataclass(frozen=True, slots=True)
class EndpointToken:
    """The token of one run of the endpoint. A process that has it gets the credentials of the grant."""

    text: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def is_in(self, request: ReceivedRequest) -> bool:
        """Return whether the request has this token, compared in constant time."""
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.text.encode())


def container_variables(port: int, token: EndpointToken) -> dict[str, str]:
    """Return the variables that lead SDKs to the endpoint at `port` of 127.0.0.1."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}{CREDENTIALS_PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token.text,
    }


def shell_variables(port: int, token: EndpointToken, region: str) -> dict[str, str]:
    """Return the variables for a shell whose programs use the endpoint. `region` is the target's, or ""."""
    named = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), region) if region else {}
    return container_variables(port, token) | HIDDEN_SOURCES | named


class ContainerCredentials:
    """Answers requests for credentials that have `token` and name a host of this machine (row GW 13).

    A web page can rebind its own name to 127.0.0.1. So the Host header must name the endpoint itself.
    """

    def __init__(self, port: int, token: EndpointToken, held: HeldGrant) -> None:
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._token = token
        self._held = held

    def refused(self, head: ReceivedRequest) -> HttpAnswer | None:
        """Return the answer that refuses a request of another process or for another host; None for other requests."""
        if head.headers.get("host", "").lower() not in self._hosts:
            return _refusal(403, "JitneyHostInvalid", "The request is for another host.")
        if not self._token.is_in(head):
            return _refusal(401, "JitneyTokenInvalid", "The Authorization header is not the token of this endpoint.")
        if head.method != "GET" or head.path != CREDENTIALS_PATH:
            return _refusal(404, "JitneyPathInvalid", f"There is only GET {CREDENTIALS_PATH}.")
        return None

    def body_limit(self, _head: ReceivedRequest) -> int:
        """Return the most bytes in the body of a request: 0."""
        return 0

    def too_large(self, _head: ReceivedRequest) -> HttpAnswer:
        """Return the answer to a request with a body."""
        return _refusal(400, "JitneyBodyInvalid", "The request may not have a body.")

    def answer(self, _request: ReceivedRequest, _connected: Callable[[], bool]) -> HttpAnswer:
        """Return the credentials, or the problem as SDKs show it."""
        try:
            credentials = self._held.credentials()
        except ClientProblem as problem:
            return _refusal(problem_status(problem), error_code(problem.code), message_of(problem))
        return json_answer(200, container_document(credentials))


def container_document(credentials: ApiCredentials) -> dict[str, str]:
    """Return credentials in the form that SDKs read from a container endpoint."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": credentials.expiration,
    }


def problem_status(problem: ClientProblem) -> int:
    """Return the HTTP status that says what kind of problem it is."""
    return next((status for kind, status in _STATUSES.items() if isinstance(problem, kind)), 503)


def json_answer(status: int, document: Mapping[str, object]) -> HttpAnswer:
    """Return an answer with a JSON object, which no cache may keep."""
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return HttpAnswer(status, headers, json.dumps(document).encode())


def _refusal(status: int, code: str, message: str) -> HttpAnswer:
    return json_answer(status, {"Code": code, "Message": message})
