"""The deny document and the canary, against botocore's own stubs of IAM and STS."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ConnectTimeoutError
from botocore.parsers import create_parser
from botocore.stub import Stubber

from jitney.adapters.canary import Canary
from jitney.adapters.role_policies import PolicyRefused, RolePolicies, RolePolicy
from jitney.adapters.trail_heartbeat import TrailHeartbeat
from jitney.core.access.credentials import Credentials
from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.problems import Problem
from jitney.core.target_config import TargetRole
from tests.handlers.conftest import configuration

TARGET = configuration().targets["analytics-prod"]
ROLE = "jitney-target-analytics-prod"
KEYS = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
ISSUED = {
    "AccessKeyId": "ASIAEXAMPLEEXAMPLE",
    "SecretAccessKey": "canary-secret",
    "SessionToken": "canary-token",
    "Expiration": "2026-11-24T12:00:00Z",
}
NAMED = {"RoleName": ROLE, "PolicyName": DENY_POLICY_NAME}


@pytest.fixture
def iam() -> Iterator[Stubber]:
    with Stubber(boto3.client("iam", **KEYS)) as stub:
        yield stub


@pytest.fixture
def sts() -> Iterator[Stubber]:
    with Stubber(boto3.client("sts", **KEYS)) as stub:
        yield stub


def test_end_03_the_writer_is_the_revoker_of_the_targets_account(sts: Stubber, iam: Stubber):
    asked = {
        "RoleArn": "arn:aws:iam::444455556666:role/jitney/jitney-revoker-analytics-prod",
        "RoleSessionName": "deny-document",
        "ExternalId": "external",
        "DurationSeconds": 900,
    }
    sts.add_response("assume_role", {"Credentials": ISSUED}, asked)
    iam.add_response("put_role_policy", {}, NAMED | {"PolicyDocument": "{}"})
    given: list[str] = []

    def client_of(*keys: str) -> Any:
        given.extend(keys)
        return iam.client

    RolePolicies(sts.client, client_of).of(TargetRole(TARGET, TARGET.role_arn)).write("{}")
    assert given == [ISSUED["AccessKeyId"], ISSUED["SecretAccessKey"], ISSUED["SessionToken"]]
    iam.assert_no_pending_responses()


def test_an_account_that_refuses_the_broker_is_a_problem(sts: Stubber):
    sts.add_client_error("assume_role", "AccessDenied")
    with pytest.raises(Problem, match="unavailable"):
        RolePolicies(sts.client, lambda *_: None).of(TargetRole(TARGET, TARGET.role_arn))  # type: ignore[arg-type,return-value]


def test_no_text_deletes_the_document_and_nothing_to_delete_is_as_good(iam: Stubber):
    iam.add_response("delete_role_policy", {}, NAMED)
    iam.add_client_error("delete_role_policy", "NoSuchEntity")
    for _ in range(2):
        RolePolicy(iam.client, ROLE).write("")


@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [
        ("Throttling", 400, True),
        ("ThrottlingException", 400, True),
        ("RequestLimitExceeded", 503, True),
        ("ConcurrentModification", 409, True),
        ("InternalFailure", 500, True),
        ("ServiceFailure", 500, True),
        ("ServiceUnavailable", 503, True),
        ("InternalError", 500, True),
        ("AccessDenied", 403, False),
        ("LimitExceeded", 409, False),
    ],
)
def test_a_refusal_says_whether_it_passes(iam: Stubber, code: str, status: int, transient: bool):
    iam.add_client_error("put_role_policy", code, http_status_code=status)
    with pytest.raises(PolicyRefused) as raised:
        RolePolicy(iam.client, ROLE).write("{}")
    assert (raised.value.code, raised.value.transient) == (code, transient)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("text", "call"), [("{}", "put_role_policy"), ("", "delete_role_policy")])
def test_end_03_an_answer_that_is_not_iams_does_not_say_that_nothing_is_written(
    iam: Stubber, text: str, call: str, status: int
):
    """IAM may still write the document, so the lease must not be free for the writer of a newer one."""
    iam.add_client_error(call, str(status), http_status_code=status)
    with pytest.raises(Problem, match="unavailable"):
        RolePolicy(iam.client, ROLE).write(text)
    iam.add_client_error("get_role_policy", str(status), http_status_code=status)
    with pytest.raises(PolicyRefused) as raised:
        RolePolicy(iam.client, ROLE).read()
    assert raised.value.transient


def test_end_03_botocore_names_an_answer_that_is_not_iams_by_its_status():
    page = {"status_code": 504, "headers": HeadersDict(), "body": b"<html><title>504 Gateway Time-out</title></html>"}
    assert create_parser("query").parse(page, None)["Error"]["Code"] == "504"


@pytest.mark.parametrize(
    ("text", "call", "code"),
    [("{}", "put_role_policy", "NoSuchEntity"), ("", "delete_role_policy", "AccessDenied")],
    ids=["no role", "no permission to delete"],
)
def test_end_01_a_document_that_was_not_written_is_refused(iam: Stubber, text: str, call: str, code: str):
    iam.add_client_error(call, code)
    with pytest.raises(PolicyRefused, match=code):
        RolePolicy(iam.client, ROLE).write(text)


def test_end_01_a_denial_by_the_organization_is_named(iam: Stubber):
    """`jitney target check` cannot find it, because it writes no document."""
    denied = "User: x is not authorized to perform: iam:PutRolePolicy on resource: role y with an explicit deny in a"
    iam.add_client_error("put_role_policy", "AccessDenied", f"{denied} service control policy")
    with pytest.raises(PolicyRefused) as raised:
        RolePolicy(iam.client, ROLE).write("{}")
    assert (raised.value.code, raised.value.transient) == ("AccessDenied", False)
    assert str(raised.value) == "A service control policy denies iam:PutRolePolicy"


def test_what_iam_has_is_read(iam: Stubber):
    document = "%7B%22Version%22%3A%222012-10-17%22%7D"
    iam.add_response("get_role_policy", NAMED | {"PolicyDocument": document}, NAMED)
    iam.add_client_error("get_role_policy", "NoSuchEntity")
    iam.add_client_error("get_role_policy", "AccessDenied")
    policy = RolePolicy(iam.client, ROLE)
    assert policy.read() is not None
    assert policy.read() is None
    with pytest.raises(PolicyRefused, match="AccessDenied") as raised:
        policy.read()
    assert not raised.value.transient


def test_end_07_a_read_without_an_answer_may_be_repeated(monkeypatch: pytest.MonkeyPatch, iam: Stubber):
    def unanswered(**_: object) -> None:
        raise ConnectTimeoutError(endpoint_url="https://iam.amazonaws.com")

    monkeypatch.setattr(iam.client, "get_role_policy", unanswered)
    with pytest.raises(PolicyRefused) as raised:
        RolePolicy(iam.client, ROLE).read()
    assert (raised.value.code, raised.value.transient) == ("", True)


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_end_07_a_failure_keeps_awss_own_code(sts: Stubber, iam: Stubber, code: str):
    sts.add_client_error("assume_role", code)
    with pytest.raises(Problem) as raised:
        RolePolicies(sts.client, lambda *_: iam.client).of(TargetRole(TARGET, TARGET.role_arn))
    assert (raised.value.code, raised.value.aws_code) == ("unavailable", code)
    assert code not in json.dumps(raised.value.body())
    iam.add_client_error("get_role_policy", code)
    with pytest.raises(PolicyRefused, match=code):
        RolePolicy(iam.client, ROLE).read()


def test_end_07_no_answer_has_no_code_of_aws(sts: Stubber, monkeypatch: pytest.MonkeyPatch):
    def hang(**_: Any) -> Any:
        raise ConnectTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com")

    monkeypatch.setattr(sts.client, "assume_role", hang)
    with pytest.raises(Problem) as raised:
        RolePolicies(sts.client, lambda *_: None).of(TargetRole(TARGET, TARGET.role_arn))  # type: ignore[arg-type,return-value]
    assert raised.value.aws_code == ""


def test_end_01_the_canary_counts_a_denial_alone(sts: Stubber):
    sts.add_response("get_access_key_info", {"Account": "444455556666"}, {"AccessKeyId": ISSUED["AccessKeyId"]})
    for code in ("Throttling", "ExpiredToken", "AccessDenied"):
        sts.add_client_error("get_access_key_info", code)
    credentials = Credentials(ISSUED["AccessKeyId"], ISSUED["SecretAccessKey"], ISSUED["SessionToken"], 0)
    denied = Canary(lambda *_: sts.client).denial_check(credentials, "eu-west-1")  # type: ignore[arg-type,return-value]
    assert [denied() for _ in range(4)] == [False, False, False, True]


# An organization's policy denies the canary's call at any time, also while the grant's credentials work.
@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (" with an explicit deny in an identity-based policy", True),
        (" with an explicit deny in a service control policy", False),
        (" because no service control policy allows the sts:GetAccessKeyInfo action", False),
        (" because no identity-based policy allows the sts:GetAccessKeyInfo action", False),
        (" because no session policy allows the sts:GetAccessKeyInfo action", False),
        ("", True),
    ],
)
def test_end_01_the_canary_counts_a_denial_by_the_deny_document_alone(sts: Stubber, reason: str, counts: bool):
    message = f"User: x is not authorized to perform: sts:GetAccessKeyInfo{reason}"
    sts.add_client_error("get_access_key_info", "AccessDenied", message)
    credentials = Credentials(ISSUED["AccessKeyId"], ISSUED["SecretAccessKey"], ISSUED["SessionToken"], 0)
    denied = Canary(lambda *_: sts.client).denial_check(credentials, "eu-west-1")  # type: ignore[arg-type,return-value]
    assert denied() is counts


def test_ops_01_the_heartbeat_is_a_call_of_the_revoker_in_the_targets_region(sts: Stubber):
    asked = {
        "RoleArn": "arn:aws:iam::444455556666:role/jitney/jitney-revoker-analytics-prod",
        "RoleSessionName": "trail-heartbeat",
        "ExternalId": "external",
        "DurationSeconds": 900,
    }
    sts.add_response("assume_role", {"Credentials": ISSUED}, asked)
    given: list[str] = []
    regional = boto3.client("sts", **KEYS)
    calls = Stubber(regional)
    calls.add_response("get_caller_identity", {}, {})

    def client_of(*names: str) -> Any:
        given.extend(names)
        return regional

    with calls:
        TrailHeartbeat(sts.client, client_of).send(replace(TARGET, region="us-west-2"))
        calls.assert_no_pending_responses()
    assert given == ["us-west-2", ISSUED["AccessKeyId"], ISSUED["SecretAccessKey"], ISSUED["SessionToken"]]


def test_ops_01_a_heartbeat_that_sts_refuses_is_a_problem(sts: Stubber):
    sts.add_response("assume_role", {"Credentials": ISSUED})
    regional = boto3.client("sts", **KEYS)
    calls = Stubber(regional)
    calls.add_client_error("get_caller_identity", "ExpiredToken")
    with calls, pytest.raises(Problem, match="unavailable"):
        TrailHeartbeat(sts.client, lambda *_: regional).send(TARGET)
