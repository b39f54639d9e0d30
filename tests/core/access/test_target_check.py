"""The attempts of a target check: they change nothing, and their session names are no grant's."""

import json
import re
from types import MappingProxyType

import pytest

from jitney.core.access.target_check import ALLOWED, DENIED, NOT_TRIED, AttemptResult, attempts
from jitney.core.access_profile import AccessProfile
from jitney.core.target_config import Target
from tests.fakes import ROLE_ARN

PROFILE_ARN = "arn:aws:iam::444455556666:policy/jitney/jitney-profile-analytics-prod.deploy.0000000000000000"
TARGET = Target(
    alias="analytics-prod",
    account="444455556666",
    role_arn=ROLE_ARN,
    external_id="between-us",
    region="eu-west-1",
    max_duration_seconds=3600,
    tags=MappingProxyType({}),
    boundary_arn="arn:aws:iam::444455556666:policy/jitney/jitney-boundary-analytics-prod",
    access_profiles=MappingProxyType({"deploy": AccessProfile((), "0" * 64, PROFILE_ARN)}),
)
TRIED = attempts(TARGET, "g-check-aaaaaaaaaaaaaa", "corp.carol", "")
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)
# Calls that would change something even without an existing resource.
HARMLESS = {
    "get_role_policy": {"PolicyName": "JitneyRevocations"},
    "delete_role_policy": {"PolicyName": "JitneyCheck"},
    "delete_policy_version": {"VersionId": "v999999"},
    "detach_role_policy": {"PolicyArn": "arn:aws:iam::444455556666:policy/jitney/JitneyCheck"},
    "put_role_permissions_boundary": {"PermissionsBoundary": TARGET.boundary_arn},  # the role already has it
}


@pytest.mark.parametrize("attempt", TRIED, ids=lambda attempt: attempt.name)
def test_a_check_session_can_change_nothing(attempt):
    (statement,) = json.loads(attempt.assume["Policy"])["Statement"]
    assert attempt.assume["DurationSeconds"] == 900
    if attempt.then is None:
        assert statement == {"Effect": "Deny", "Action": "*", "Resource": "*"}
    else:
        operation, parameters = attempt.then
        assert statement["Action"] == "iam:" + operation.title().replace("_", "")
        assert HARMLESS[operation].items() <= parameters.items()


def test_no_check_session_resembles_a_grants():
    for attempt in TRIED:
        assert not GRANT_ID.fullmatch(attempt.assume["RoleSessionName"])
        assert not [tag for tag in attempt.assume.get("Tags", []) if GRANT_ID.fullmatch(tag["Value"])]


def test_each_refused_attempt_differs_from_the_working_one_in_one_parameter():
    by_name = {attempt.name: attempt for attempt in TRIED}
    for whole in ("role", "revoker"):
        assert by_name[whole].expected == (ALLOWED,)
        others = [each for name, each in by_name.items() if name.startswith(f"{whole}_") and each.then is None]
        assert len(others) >= 2
        for other in others:
            assert other.expected == (DENIED,)
            pairs = (by_name[whole].assume, other.assume)
            changed = {name for name in {**pairs[0], **pairs[1]} if pairs[0].get(name) != pairs[1].get(name)}
            assert len(changed) == 1, other.name


def test_an_unexpected_answer_is_wrong_and_has_a_fix():
    for attempt in TRIED:
        assert AttemptResult(attempt, attempt.expected[0]).view()["ok"]
        for answer in {ALLOWED, DENIED, NOT_TRIED, "ValidationError"} - set(attempt.expected):
            view = AttemptResult(attempt, answer).view()
            assert (view["ok"], view["answer"]) == (False, answer)
            assert view["fix"]


def test_pol_15_each_access_profile_is_tried_by_the_policy_that_its_content_names():
    by_name = {attempt.name: attempt for attempt in TRIED}
    attempt, role = by_name["profile_deploy"], by_name["role"]
    assert attempt.assume == {**role.assume, "PolicyArns": [{"arn": PROFILE_ARN}]}
    assert attempt.expected == (ALLOWED,)
    assert "Deploy the target's stack" in AttemptResult(attempt, "ValidationError").view()["fix"]
