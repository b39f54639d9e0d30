"""STS 10: a request that people review is tried against STS's packed size before they are asked."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.id_ranges import FRESH_SECONDS, is_fresh
from jitney.core.access.session_policy import packed_too_large
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.handlers.conftest import REQUEST_BODY, WRITE, System

REVIEWED = REQUEST_BODY | {"permissions": WRITE}


def too_large(system: System) -> Problem:
    """Return the adapter's problem of a packed policy."""
    system.call(create_grant, REVIEWED | {"reason": "another"})
    policy = system.sessions.tried[-1].policy
    system.sessions.tried.clear()
    return packed_too_large(policy, 112)


def details(system: System) -> list[dict[str, Any]]:
    return [json.loads(json.loads(link.text)["detail"]) for link in system.store.links]


def test_sts_10_a_trial_precedes_the_review_and_its_size_is_on_record(system: System):
    status, body, _ = system.call(create_grant, REVIEWED)
    assert status == 202
    (trial,) = system.sessions.tried
    assert trial.name == f"g-trial-{body['grant']['id'][2:]}"
    assert details(system)[0]["packed_policy_percent"] == 42
    assert system.sessions.asked == []


def test_sts_10_a_trial_has_the_exact_size_and_the_tags_of_the_grant_and_denies_everything(system: System):
    grant_id = system.call(create_grant, REVIEWED)[1]["grant"]["id"]
    (trial,) = system.sessions.tried
    grant = system.store.grants[grant_id]
    preview = system.call(preview_decision, REVIEWED)[1]
    assert preview["session_policy_size"]["characters"] == trial.policy.size
    allows = [each for each in trial.policy.document()["Statement"] if each["Effect"] == "Allow"]
    assert allows == [each for each in preview["session_policy"]["Statement"] if each["Effect"] == "Allow"]
    statements = trial.policy.document()["Statement"]
    (end,) = [each for each in statements if "DateGreaterThan" in each.get("Condition", {})]
    assert (end["Effect"], end["Action"], end["Resource"]) == ("Deny", "*", "*")
    assert end["Condition"]["DateGreaterThan"]["aws:CurrentTime"] <= iso(system.now - 3600)
    assert dict(trial.tags) == {"grant": grant_id, "agent": grant.principal, "unit": grant.unit, "human": ""}
    assert (trial.source_identity, trial.role_arn, trial.scopable) == (grant.principal, grant.role_arn, None)


def test_sts_10_a_packed_policy_that_is_too_large_is_answered_before_people_are_asked(system: System):
    system.sessions.trial_problem = too_large(system)
    started, grants = list(system.reviews.started), set(system.store.grants)
    status, body, _ = system.call(create_grant, REVIEWED)
    assert (status, body["code"], body["packed_policy_size"]) == (
        400,
        "policy_too_large",
        {"percent": 112, "limit": 100},
    )
    assert "112 % of what it accepts" in body["detail"]
    assert (system.reviews.started, set(system.store.grants)) == (started, grants)
    record = json.loads(system.store.links[-1].text)
    assert (record["event"], record["outcome"], record["code"]) == ("request", "refused", "policy_too_large")


@pytest.mark.parametrize("code", ["issue_refused", "issue_throttled", "unavailable"])
def test_sts_10_another_failure_of_sts_does_not_prevent_the_review(system: System, code: str):
    system.sessions.trial_problem = Problem(code, "STS did not answer.", "Try again.")
    status, _, _ = system.call(create_grant, REVIEWED)
    assert status == 202
    assert details(system)[0]["packed_policy_untried"] == code


def test_sts_10_a_request_without_a_review_is_not_tried(system: System):
    assert system.call(create_grant, REQUEST_BODY)[0] == 201
    assert system.sessions.tried == []


def test_sts_10_a_repeated_request_is_not_tried_again(system: System):
    for _ in range(2):
        assert system.call(create_grant, REVIEWED, Idempotency_Key="once")[0] == 202
    assert system.call(create_grant, REVIEWED)[1]["repeats"] is True
    (grant_id,) = system.store.grants
    system.store.grants[grant_id] = replace(system.store.grants[grant_id], state="rejected")
    system.call(create_grant, REVIEWED, Idempotency_Key="once")
    assert len(system.sessions.tried) == 1


def test_sts_10_a_write_that_is_repeated_does_not_repeat_the_trial(system: System, monkeypatch: pytest.MonkeyPatch):
    create, failures = system.store.create_grant, iter([True, False])

    def stale_once(*arguments: Any, **named: Any) -> Any:
        if next(failures, False):
            from jitney.adapters.transactions import StaleWrite

            raise StaleWrite("a list")
        return create(*arguments, **named)

    monkeypatch.setattr(system.store, "create_grant", stale_once)
    assert system.call(create_grant, REVIEWED)[0] == 202
    assert len(system.sessions.tried) == 1


def test_sts_10_trials_are_limited_for_a_unit(system: System):
    system.sessions.trial_problem = too_large(system)
    limits = replace(system.config.limits, reviews_per_hour=2)
    system.ports.__dict__["config"] = replace(system.config, limits=limits)
    codes = [system.call(create_grant, REVIEWED | {"reason": f"{number}"})[1]["code"] for number in range(3)]
    assert codes == ["policy_too_large", "too_many_reviews", "too_many_reviews"]
    assert len(system.sessions.tried) == 1


def test_end_02_a_grant_whose_trial_took_long_gets_another_id(system: System, monkeypatch: pytest.MonkeyPatch):
    """A range of ids in a deny document may name the moment of the first id before the grant is written."""
    tried, slow = system.sessions.packed_size, iter([FRESH_SECONDS])

    def packed_size(asked: Any) -> int:
        system.now += next(slow, 0)
        return tried(asked)

    monkeypatch.setattr(system.sessions, "packed_size", packed_size)
    status, body, _ = system.call(create_grant, REVIEWED)
    assert status == 202
    assert is_fresh(body["grant"]["id"], system.now)
    assert list(system.store.grants) == [body["grant"]["id"]]
