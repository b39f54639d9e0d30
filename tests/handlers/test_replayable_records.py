"""Each record of a decided request has what replaying it needs (row POL 14)."""

from typing import Any

import pytest

from jitney.core.policy.policy_tests import CaseContext
from jitney.core.replay.policy_replay import PolicyReplay
from jitney.core.replay.recorded_requests import DecisionLines
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System

SECRET = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/*"]}]


def replay(system: System) -> PolicyReplay:
    ports, config = system.ports, system.config
    reviewers = frozenset(config.reviewers)
    replayed = PolicyReplay(
        CaseContext(ports.policies, ports.actions, config.targets, config.limits, reviewers),
        DecisionLines(dry_runs=True),
    )
    for record in system.records():
        replayed.add(record)
    return replayed


@pytest.mark.parametrize(
    ("bodies", "effect"),
    [
        ([REQUEST_BODY], "allow"),
        ([{**REQUEST_BODY, "way": "gateway"}], "allow"),
        ([{**REQUEST_BODY, "permissions": WRITE}] * 2, "review"),  # the second joins the first
        ([{**REQUEST_BODY, "permissions": SECRET}], "deny"),
        ([{**REQUEST_BODY, "duration_seconds": 3600}], "deny"),
    ],
)
@pytest.mark.parametrize("route", [create_grant, preview_decision])
def test_pol_14_the_records_of_each_answer_replay_to_it(system: System, bodies: Any, effect: str, route: Any):
    for body in bodies:
        system.call(route, body)
    replayed = replay(system)
    assert (replayed.effects, replayed.left_out) == ({(effect, effect): len(bodies)}, {})
    assert (replayed.changed, replayed.other_policies, replayed.other_tables) == ([], 0, 0)


def test_pol_14_a_request_that_fits_no_session_policy_replays_to_its_decision(system: System):
    objects = [f"arn:aws:s3:::reports/{'x' * 100}/{number}" for number in range(40)]
    body = {**REQUEST_BODY, "permissions": [{"actions": ["s3:GetObject"], "resources": objects}]}
    assert system.call(create_grant, body)[1]["code"] == "policy_too_large"
    assert replay(system).effects == {("allow", "allow"): 1}


def test_pol_14_no_token_is_in_the_inputs(system: System):
    token = minting.token()
    system.call(create_grant, REQUEST_BODY, token=token)
    (record,) = [each for each in system.records() if each["event"] == "request"]
    assert "decision_inputs" in record["detail"]
    for part in token.split("."):
        assert part not in str(system.records())
