"""A check's calls, against botocore's own stubs of STS and IAM."""

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from jitney.adapters.target_checks import TargetChecks
from jitney.core.access.target_check import Attempt
from jitney.core.problems import Problem
from tests.adapters.test_role_policies import ISSUED, KEYS

ASSUME = {"RoleArn": "arn:aws:iam::444455556666:role/jitney/x", "RoleSessionName": "g-check-a"}
GONE = {"RoleName": "x", "PolicyName": "JitneyCheck"}
TAKE = Attempt("take", "take it", ("allowed",), "", ASSUME)
CHANGE = Attempt("change", "change it", ("AccessDenied",), "", ASSUME, ("delete_role_policy", GONE))


@pytest.fixture
def sts() -> Iterator[Stubber]:
    with Stubber(boto3.client("sts", **KEYS)) as stub:
        yield stub


@pytest.fixture
def iam() -> Iterator[Stubber]:
    with Stubber(boto3.client("iam", **KEYS)) as stub:
        yield stub


def checks(sts: Stubber, iam: Stubber, given: list[Any]) -> TargetChecks:
    def client_of(*keys: str) -> Any:
        given.append(keys)
        return iam.client

    return TargetChecks(sts.client, client_of, at_once=1)  # a stub answers in order


def test_answers_are_aws_codes_and_a_session_calls_with_its_own_keys(sts: Stubber, iam: Stubber):
    sts.add_response("assume_role", {"Credentials": ISSUED}, ASSUME)
    sts.add_client_error("assume_role", "AccessDenied", expected_params=ASSUME)
    sts.add_response("assume_role", {"Credentials": ISSUED}, ASSUME)
    iam.add_client_error("delete_role_policy", "NoSuchEntity", expected_params=GONE)
    given: list[Any] = []
    answered = checks(sts, iam, given).run((TAKE, TAKE, CHANGE))
    assert [each.answer for each in answered] == ["allowed", "AccessDenied", "NoSuchEntity"]
    assert given == [("ASIAEXAMPLEEXAMPLE", "canary-secret", "canary-token")]


def test_a_denial_by_the_organization_is_no_fault_of_the_role(sts: Stubber, iam: Stubber):
    def denied(action: str) -> str:
        return f"User: x is not authorized to perform: {action} because no service control policy allows the action"

    whole = TAKE._replace(fix="The trust policy was changed.")
    write = CHANGE._replace(expected=("NoSuchEntity",), fix="The policies were changed.")
    sts.add_client_error("assume_role", "AccessDenied", denied("sts:SetSourceIdentity"))
    sts.add_client_error("assume_role", "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole")
    sts.add_client_error("assume_role", "AccessDenied", denied("sts:AssumeRole"))
    sts.add_response("assume_role", {"Credentials": ISSUED}, ASSUME)
    iam.add_client_error("delete_role_policy", "AccessDenied", denied("iam:DeleteRolePolicy"))
    answered = checks(sts, iam, []).run((whole, whole, write, write))
    assert [each.answer for each in answered] == ["AccessDenied", "AccessDenied", "not_tried", "AccessDenied"]
    by, fix = "A service control policy denies", "allow the action in that policy (docs/organizations.md)."
    assert [each.view()["fix"] for each in answered] == [
        f"{by} sts:SetSourceIdentity: {fix}",
        "The trust policy was changed.",
        f"{by} sts:AssumeRole: {fix}",
        f"{by} iam:DeleteRolePolicy: {fix}",
    ]


def test_without_a_session_nothing_is_called(sts: Stubber, iam: Stubber):
    sts.add_client_error("assume_role", "AccessDenied")
    given: list[Any] = []
    (answered,) = checks(sts, iam, given).run((CHANGE,))
    assert (answered.answer, answered.ok, given) == ("not_tried", False, [])


@pytest.mark.parametrize(("code", "status"), [("Throttling", 400), ("RequestThrottledException", 400), ("503", 503)])
def test_no_answer_is_no_verdict(sts: Stubber, iam: Stubber, code: str, status: int):
    sts.add_client_error("assume_role", code, http_status_code=status)
    with pytest.raises(Problem) as raised:
        checks(sts, iam, []).run((TAKE,))
    assert raised.value.code == "unavailable"


def test_no_credential_is_kept_or_logged(sts: Stubber, iam: Stubber, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    sts.add_response("assume_role", {"Credentials": ISSUED}, ASSUME)
    made = checks(sts, iam, [])
    printed = repr(made.run((TAKE,))) + repr(vars(made)) + caplog.text
    assert "canary" not in printed
