"""`make up` with another configuration: its own issuer, tokens, policies and target."""

import json

import httpx

from tests.local.gaps.contracts import refused
from tests.running_systems import PATIENCE, session_keys
from tests.system.conftest import Api, Own
from tests.system.own_system import GROUP, token

KEY = {"Bucket": "lake", "Key": "raw/a.csv"}
pytestmark = GROUP


def asking(api: Api, path: str = "/v1/grants") -> httpx.Response:
    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::lake/raw/a.csv"]}]
    body = {"target": "lake", "permissions": permissions, "duration_seconds": 900, "reason": "own"}
    return api("POST", path, body, agent="robot-7")


def test_ones_own_issuer_tokens_policies_and_target_are_used(own: Own):
    api, clients = own.api, own.clients
    answer = asking(api)
    assert answer.status_code == 201, answer.text
    assert answer.json()["grant"]["principal"] == "factory.robot-7"
    s3 = clients("s3", session_keys(answer.json()["credentials"]))
    assert s3.get_object(**KEY)["Body"].read() == b"a,b\n"
    refused("AccessDenied", s3.put_object, **KEY, Body=b"")


def test_nobody_elses_tokens_are_taken(own: Own):
    api = Api(own.api.url, own.api.client, lambda agent: token("https://idp.example.com", agent))
    answer = asking(api)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_issuer_unknown")


def test_keys_that_are_bound_work_from_nowhere_else(own: Own):
    """A presigned URL is passed on more easily than keys are."""
    api, clients = own.api, own.clients
    keys = session_keys(asking(api).json()["credentials"])
    url = clients("s3", keys).generate_presigned_url("get_object", Params=KEY)
    for address, status in (("127.0.0.1", 200), ("127.0.0.2", 403), ("127.0.0.1", 200)):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=PATIENCE) as client:
            assert client.get(url).status_code == status


def test_a_dry_run_shows_what_binds_and_seals(own: Own):
    shown = json.dumps(asking(own.api, "/v1/decisions").json()["session_policy"])
    assert '"aws:SourceIp": "127.0.0.1/32"' in shown
    assert '"NotAction": "s3:GetObject"' in shown
