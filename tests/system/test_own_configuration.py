"""The contract of `make up` with another configuration: one's own issuer, tokens, policies and target.

Its target binds keys to the address that asked for them, and seals sessions.
"""

import json
import shutil
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pytest
import yaml

from local.settings import DEFAULT_CONFIG, Settings
from tests.core.identity.minting import jwk, jwks, private_key
from tests.local.gaps.contracts import refused
from tests.running import Clients, root_keys, session_keys, shared, start_stack
from tests.system.conftest import Api

ACCOUNT = "555566667777"
KEY = {"Bucket": "lake", "Key": "raw/a.csv"}
POLICY = """
@id("own-read")
permit (principal in Jitney::Group::"factory/robots", action == Jitney::Action::"Read",
    resource in Jitney::Target::"lake");
"""
CASES = """
cases:
  - {name: robots read, target: lake, groups: [factory/robots], actions: ["s3:GetObject"],
     resources: ["arn:aws:s3:::lake/raw/a.csv"], seconds: 900, effect: allow, policies: [own-read]}
"""
pytestmark = pytest.mark.xdist_group("own configuration")


class Keys(BaseHTTPRequestHandler):
    """The issuer's key set, which is all that Jitney asks an issuer for."""

    def do_GET(self) -> None:
        body = jwks(jwk("rsa"))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Leave the log to errors."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def configured(settings: Settings, issuer: str) -> Path:
    """The file and the folder that somebody would write."""
    policies = settings.state / "own-policies"
    policies.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEFAULT_CONFIG.parent / "policies" / "schema.cedarschema", policies)
    (policies / "own.cedar").write_text(POLICY, encoding="utf-8")
    (policies / "tests.yaml").write_text(CASES, encoding="utf-8")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]}
    target = {
        "account": ACCOUNT,
        "region": "eu-west-1",
        "role_name": "lake-robots",
        "policy": {"Version": "2012-10-17", "Statement": [allow]},
        "bind_to_caller": True,
        "sealed": True,
    }
    own = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/keys",
        "provider": "generic",
        "token": "access",
        "audiences": ["jitney"],
        "algorithms": ["RS256"],
        "kind": "agent",
        "groups_claim": "roles",
    }
    chosen = {"version": 1, "issuers": {"factory": own}, "targets": {"lake": target}, "policies": str(policies)}
    chosen["broker"] = {"account": "111122223333", "region": "eu-west-1"}
    file = settings.state / "own.yaml"
    file.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    return file


def token(issuer: str, agent: str) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "aud": "jitney", "sub": agent, "iat": now, "exp": now + 600, "roles": ["robots"]}
    return jwt.encode(claims, private_key("rsa"), "RS256", {"kid": "rsa", "typ": "at+jwt"})


@pytest.fixture(scope="module")
def own(issuer: str) -> Iterator[tuple[Api, Clients]]:
    stack = shared("own", lambda settings: start_stack(settings, configured(settings, issuer)))
    clients = Clients(stack["aws_endpoint"], stack["region"])
    s3 = clients("s3", root_keys(ACCOUNT))
    s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(**KEY, Body=b"a,b\n")
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield Api(stack["api_url"], client, partial(token, issuer)), clients
    clients.close()


def asking(api: Api, path: str = "/v1/grants") -> httpx.Response:
    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::lake/raw/a.csv"]}]
    body = {"target": "lake", "permissions": permissions, "duration_seconds": 900, "reason": "own"}
    return api("POST", path, body, agent="robot-7")


def test_ones_own_issuer_tokens_policies_and_target_are_used(own):
    api, clients = own
    answer = asking(api)
    assert answer.status_code == 201, answer.text
    assert answer.json()["grant"]["principal"] == "factory.robot-7"
    s3 = clients("s3", session_keys(answer.json()["credentials"]))
    assert s3.get_object(**KEY)["Body"].read() == b"a,b\n"
    refused("AccessDenied", s3.put_object, **KEY, Body=b"")


def test_nobody_elses_tokens_are_taken(own):
    api, _ = own
    api = Api(api.url, api.client, lambda agent: token("https://idp.example.com", agent))
    answer = asking(api)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_issuer_unknown")


def test_keys_that_are_bound_work_from_nowhere_else(own):
    """A presigned URL, which is handed on more easily than keys are."""
    api, clients = own
    keys = session_keys(asking(api).json()["credentials"])
    url = clients("s3", keys).generate_presigned_url("get_object", Params=KEY)
    for address, status in (("127.0.0.1", 200), ("127.0.0.2", 403), ("127.0.0.1", 200)):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
            assert client.get(url).status_code == status


def test_a_dry_run_shows_what_binds_and_seals(own):
    api, _ = own
    shown = json.dumps(asking(api, "/v1/decisions").json()["session_policy"])
    assert '"aws:SourceIp": "127.0.0.1/32"' in shown
    assert '"NotAction": "s3:GetObject"' in shown
