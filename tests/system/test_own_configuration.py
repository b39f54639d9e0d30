"""`make up` with another configuration: its own issuer, tokens, policies and target."""

import json
from typing import Any

import httpx
import pytest

from tests.local.gaps.contracts import refused
from tests.running_systems import PATIENCE, Clients, session_keys
from tests.system.conftest import Api, Own
from tests.system.own_system import ACCOUNTS, BOUND, GROUP, PLAIN, token

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


def test_tokens_of_other_issuers_are_refused(own: Own):
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


def bucket(s3: Any, name: str, principal: Any) -> dict[str, str]:
    """Create a bucket whose policy lets `principal` read and write its objects. Return the place of its object."""
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    allow = {"Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject", "s3:PutObject"]}
    statement = {**allow, "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_object(Bucket=name, Key="raw/a.csv", Body=b"a,b\n")
    return {"Bucket": name, "Key": "raw/a.csv"}


def granted(own: Own, target: str, action: str, resource: str) -> Any:
    permissions = [{"actions": [action], "resources": [resource]}]
    body = {"target": target, "permissions": permissions, "duration_seconds": 900, "reason": "own"}
    answer = own.api("POST", "/v1/grants", body, agent="robot-7")
    assert answer.status_code == 201, answer.text
    return session_keys(answer.json()["credentials"])


def test_sts_09_a_grant_on_a_pattern_does_not_reach_a_strangers_bucket_of_that_name(own: Own):
    stranger = bucket(own.aws("s3", "999900002222"), "pond-of-a-stranger", {"AWS": ACCOUNTS[PLAIN]})
    mine = bucket(own.aws("s3", ACCOUNTS[PLAIN]), "pond-2026", {"AWS": ACCOUNTS[PLAIN]})
    s3 = own.clients("s3", granted(own, PLAIN, "s3:PutObject", "arn:aws:s3:::pond-*/*"))
    s3.put_object(**mine, Body=b"work")
    refused("AccessDenied", s3.put_object, **stranger, Body=b"taken")
    assert own.aws("s3", "999900002222").get_object(**stranger)["Body"].read() == b"a,b\n"


@pytest.mark.parametrize(("target", "reads"), [(PLAIN, True), (BOUND, False)])
def test_sts_09_a_sealed_session_reads_nothing_that_only_a_bucket_policy_allows(own: Own, target: str, reads: bool):
    s3 = own.aws("s3", ACCOUNTS[target])
    keys = granted(own, target, "s3:GetObject", f"arn:aws:s3:::{target}/raw/a.csv")
    session = own.clients("sts", keys).get_caller_identity()["Arn"]
    place = bucket(s3, f"{target}-of-others", {"AWS": session})
    get = own.clients("s3", keys).get_object
    if reads:
        assert get(**place)["Body"].read() == b"a,b\n"
    else:
        refused("AccessDenied", get, **place)


def test_sts_09_a_call_in_a_region_that_is_not_watched_is_denied(own: Own):
    keys = granted(own, PLAIN, "s3:GetObject", "arn:aws:s3:::pond/raw/a.csv")
    place = {"Bucket": "pond", "Key": "raw/a.csv"}
    assert own.clients("s3", keys).get_object(**place)["Body"].read() == b"a,b\n"
    elsewhere = Clients(own.stack["aws_endpoint"], "us-east-1")
    refused("AccessDenied", elsewhere("s3", keys).get_object, **place)
    elsewhere.close()


def test_a_dry_run_shows_what_binds_and_seals(own: Own):
    shown = json.dumps(asking(own.api, "/v1/decisions").json()["session_policy"])
    assert '"aws:SourceIp": "127.0.0.1/32"' in shown
    assert '"NotAction": "s3:GetObject"' in shown
