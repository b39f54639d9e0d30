import json

import pytest

from jitney.core.access.session_policy import SESSION_POLICY_LIMIT
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System


def test_a_dry_run_shows_the_exact_session_policy_and_issues_nothing(system: System):
    status, body, _ = system.call(preview_decision, REQUEST_BODY)
    assert (status, body["effect"]) == (200, "allow")
    assert body["session_policy_size"]["limit"] == SESSION_POLICY_LIMIT
    system.call(create_grant, REQUEST_BODY)
    (asked,) = system.sessions.asked
    assert body["session_policy"] == asked.policy.document()
    assert body["session_policy_size"]["characters"] == asked.policy.size


def test_a_dry_run_says_who_could_review(system: System):
    _, body, _ = system.call(preview_decision, REQUEST_BODY | {"permissions": WRITE})
    assert (body["effect"], body["reviews"]) == ("review", [["owners"]])
    assert not system.reviews.started


def test_a_denied_dry_run_has_no_session_policy(system: System):
    asked = REQUEST_BODY | {"permissions": [{"actions": ["iam:CreateUser"], "resources": ["*"]}]}
    status, body, _ = system.call(preview_decision, asked)
    assert (status, body["effect"], body["session_policy"]) == (200, "deny", None)


def test_pol_07_a_denial_names_the_longest_duration_that_would_pass(system: System):
    _, body, _ = system.call(preview_decision, REQUEST_BODY | {"duration_seconds": 3600})
    assert (body["effect"], body["longest_seconds"]) == ("deny", 1800)


def test_pol_09_dry_runs_are_on_record_and_bounded(system: System):
    limit = system.config.limits.ungranted_requests_per_minute
    statuses = [system.call(preview_decision, REQUEST_BODY)[0] for _ in range(limit + 2)]
    assert statuses == [200] * limit + [429] * 2
    outcomes = system.outcomes()
    assert outcomes.count(("preview", "allowed", "")) == limit
    assert ("preview", "refused", "rate_limited") in outcomes
    assert system.call(preview_decision, REQUEST_BODY, token=minting.token(sub="other-agent"))[0] == 200


def test_pol_09_a_dry_run_that_is_refused_counts_too(system: System):
    limit = system.config.limits.ungranted_requests_per_minute
    resources = [f"arn:aws:s3:::reports/2026/{'x' * 300}{n}" for n in range(10)]
    asked = REQUEST_BODY | {"permissions": [{"actions": ["s3:GetObject"], "resources": resources}]}
    statuses = [system.call(preview_decision, asked)[0] for _ in range(limit + 1)]
    assert statuses == [400] * limit + [429]


def test_pol_09_denials_say_why_only_so_often(system: System):
    limit = system.config.limits.ungranted_requests_per_minute
    asked = REQUEST_BODY | {"permissions": [{"actions": ["iam:CreateUser"], "resources": ["*"]}]}
    answers = [system.call(create_grant, asked) for _ in range(limit + 5)]
    assert [status for status, _, _ in answers] == [403] * limit + [429] * 5
    assert "reasons" not in answers[-1][1]
    assert len(system.records()) <= limit + 3
    assert system.call(create_grant, REQUEST_BODY)[0] == 201


LONG = [f"arn:aws:s3:::reports/2026/{'x' * 300}{number}" for number in range(10)]
PROBES = {
    "denied": {"actions": ["iam:CreateUser"], "resources": ["*"]},
    "policy_too_large": {"actions": ["s3:GetObject"], "resources": LONG},
    "too_many_pending": {"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/more.csv"]},
}


@pytest.mark.parametrize("kind", PROBES)
def test_pol_09_past_the_minutes_quota_every_ungranted_request_has_the_same_answer(kind: str):
    """Otherwise the quota would hide the reasons and still reveal the decision for ever."""
    system = System()
    limit = system.config.limits.ungranted_requests_per_minute
    for number in range(system.config.limits.max_pending):
        wanted = {"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/2026/{number}"]}
        assert system.call(create_grant, REQUEST_BODY | {"permissions": [wanted]})[0] == 202
    before = len(system.records())
    answers = [system.call(create_grant, REQUEST_BODY | {"permissions": [PROBES[kind]]})[1] for _ in range(limit)]
    assert {each["code"] for each in answers} == {kind}
    past = [system.call(create_grant, REQUEST_BODY | {"permissions": [each]}) for each in PROBES.values()]
    assert [body["code"] for _, body, _ in past] == ["rate_limited"] * len(PROBES)
    assert len({json.dumps(each) for each in past}) == 1
    for record in system.records()[before : before + limit]:
        assert (record["code"], record["actions"]) == (kind, PROBES[kind]["actions"])
        assert record["resources"] == PROBES[kind]["resources"]


def test_pol_04_an_unknown_action_comes_with_the_closest_name(system: System):
    asked = REQUEST_BODY | {"permissions": [{"actions": ["s3:GetObjct"], "resources": ["arn:aws:s3:::reports/a"]}]}
    status, body, _ = system.call(preview_decision, asked)
    assert (status, body["code"]) == (400, "action_unknown")
    assert "s3:GetObject" in str(body)
    assert system.outcomes() == [("preview", "refused", "action_unknown")]


def test_sts_01_a_dry_run_that_does_not_fit_names_the_requests_that_would(system: System):
    arns = [f"arn:aws:s3:::reports/{'x' * 60}/{n}" for n in range(40)]
    asked = REQUEST_BODY | {"permissions": [{"actions": ["s3:GetObject"], "resources": arns}]}
    status, body, _ = system.call(preview_decision, asked)
    assert (status, body["code"]) == (400, "policy_too_large")
    assert len(body["split"]) == 2
    for part in body["split"]:
        assert system.call(preview_decision, asked | part)[0] == 200
