"""What agents learn of access profiles that policies permit them nothing of (rows POL 9 and 15)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.suspension_entry import SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.time_window_config import TimeWindow
from jitney.core.times import iso
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import System
from tests.handlers.test_access_profiles import CONFIG, body
from tests.handlers.test_suspensions import a_suspension

ROUTES = pytest.mark.parametrize("route", [create_grant, preview_decision])
STRANGER = {"groups": ["nothing"], "sub": "stranger"}
PROBES = {
    "a profile that does not exist": body("zz"),
    "a close name": body("deploi"),
    "the whole profile": body("deploy"),
    "the whole profile for too long": body("deploy", duration_seconds=3600),
    "a part of it": body("deploy", permissions=[{"actions": ["s3:GetObject"], "resources": ["*"]}]),
    "an action that it does not have": body("deploy", permissions=[{"actions": ["sqs:*"], "resources": ["*"]}]),
    "a resource in part": body("deploy", permissions=[{"actions": ["s3:*"], "resources": ["arn:aws:s3:::*e/?"]}]),
    "another account": body(
        "deploy",
        permissions=[{"actions": ["dynamodb:*"], "resources": ["arn:aws:dynamodb:eu-west-1:999900001111:table/locks"]}],
    ),
    "calls": body("deploy", calls=["aws s3api get-object --bucket other --key a out"]),
}


@pytest.fixture
def system() -> System:
    return System(config=CONFIG)


def answers(system: System, route: Any, probe: dict[str, Any], times: int = 1) -> list[tuple[int, dict[str, Any]]]:
    return [system.call(route, probe, token=minting.token(**STRANGER))[:2] for _ in range(times)]


@ROUTES
def test_pol_15_an_agent_without_a_permit_learns_nothing_of_a_profile(system: System, route: Any):
    found = [answers(system, route, probe)[0] for probe in PROBES.values()]
    assert {json.dumps(each) for each in found} == {json.dumps(found[0])}
    status, answer = found[0]
    assert (status, answer["code"], answer["alternatives"]) == (400, "access_profile_unknown", [])
    assert answer["detail"] == "The request does not fit the access profile, or there is no such profile."
    assert "platform engineer" in answer["fix"]


@ROUTES
@pytest.mark.parametrize("kind", PROBES)
def test_pol_09_past_the_minutes_quota_each_probe_of_a_profile_has_the_same_answer(
    system: System, route: Any, kind: str
):
    limit = system.config.limits.ungranted_requests_per_minute
    assert {status for status, _ in answers(system, route, PROBES[kind], limit)} == {400}
    assert len(system.records()) == limit
    past = [answers(system, route, probe)[0] for probe in PROBES.values()]
    assert {(status, answer["code"]) for status, answer in past} == {(429, "rate_limited")}
    assert {json.dumps(each) for each in past} == {json.dumps(past[0])}


@ROUTES
def test_pol_09_each_misfit_is_on_record_with_what_was_requested(system: System, route: Any):
    answers(system, route, PROBES["an action that it does not have"])
    answers(system, route, PROBES["a profile that does not exist"])
    one, other = system.records()
    assert one["event"] == ("request" if route is create_grant else "preview")
    assert (one["outcome"], one["code"], one["target"]) == ("refused", "request_invalid", "analytics-prod")
    assert (one["actions"], one["resources"]) == (["sqs:*"], ["*"])
    assert json.loads(one["detail"])["unfit_access_profile"] == "deploy"
    assert (other["code"], json.loads(other["detail"])["unfit_access_profile"]) == ("access_profile_unknown", "zz")


@ROUTES
def test_pol_09_the_denial_of_a_hidden_profile_is_on_record(system: System, route: Any):
    answers(system, route, PROBES["the whole profile"])
    (record,) = system.records()
    assert (record["outcome"], json.loads(record["detail"])["access_profile"]["name"]) == ("denied", "deploy")


@ROUTES
def test_pol_15_an_agent_that_policies_permit_some_of_a_profile_sees_what_does_not_fit(system: System, route: Any):
    _, answer, _ = system.call(route, PROBES["an action that it does not have"])
    assert (answer["code"], answer["errors"][0]["pointer"]) == ("request_invalid", "/permissions/0")
    _, answer, _ = system.call(route, PROBES["a close name"])
    assert (answer["alternatives"], answer["fix"]) == (["deploy"], "Did you mean deploy?")
    assert system.call(route, PROBES["a profile that does not exist"])[1]["alternatives"] == []


@ROUTES
def test_pol_15_a_request_that_cannot_be_decided_reveals_no_profile(system: System, route: Any):
    resources = [[f"arn:aws:s3:::state/{n}.{k}" for k in range(160)] for n in range(10)]
    large = body("deploy", permissions=[{"actions": ["s3:*"], "resources": each} for each in resources])
    assert answers(system, route, large) == answers(system, route, PROBES["a profile that does not exist"])
    assert [record["code"] for record in system.records()] == ["request_invalid", "access_profile_unknown"]
    assert system.call(route, large)[1]["detail"].startswith("The request has more than 3000 combinations")


@pytest.mark.parametrize("days", [30, 31])
def test_pol_15_a_time_window_hides_a_profile_from_agents_that_it_does_not_permit_within_a_month(days: int):
    forbid = '@id("freeze") forbid (principal, action, resource) when { context.timeWindows.contains("freeze") };'
    policies = replace(CONFIG.policies, text=CONFIG.policies.text + forbid)
    end = System().now + days * 86_400
    windows = {"freeze": TimeWindow("UTC", (), ((0, end),))}
    system = System(config=replace(CONFIG, policies=policies, time_windows=windows))
    unknown = (400, "access_profile_unknown", None)
    for token, expected in ((None, (403, "denied", iso(end)) if days == 30 else unknown), (STRANGER, unknown)):
        probe = PROBES["the whole profile"]
        status, answer, _ = system.call(create_grant, probe, token=token and minting.token(**token))
        assert (status, answer["code"], answer.get("retry_at")) == expected


def test_pol_15_a_denied_part_is_explained_to_an_agent_that_policies_permit_another_part():
    forbid = '@id("never-write") forbid (principal, action == Jitney::Action::"Write", resource);'
    policies = replace(CONFIG.policies, text=CONFIG.policies.text + forbid)
    system = System(config=replace(CONFIG, policies=policies))
    writing = [{"actions": ["s3:PutObject"], "resources": ["*"]}]
    status, answer, _ = system.call(create_grant, body("open", permissions=writing))
    assert (status, answer["code"], answer["reasons"][0]["policy"]) == (403, "denied", "never-write")


def test_end_08_a_suspended_target_has_one_answer_for_each_profile(system: System):
    entry = a_suspension(system, kind=SuspensionKind.TARGET, name="analytics-prod")
    system.store.suspensions = Suspensions("v-1", (entry,))
    assert {answers(system, create_grant, probe)[0][1]["code"] for probe in PROBES.values()} == {"suspended"}
