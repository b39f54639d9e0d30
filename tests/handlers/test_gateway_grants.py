"""Grants whose calls the broker makes (row GW 1): recorded, reviewed and ended, but never with credentials."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.core.access.request import Way
from jitney.core.report.grant_report import Terms
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.wording import _request_rows
from jitney.core.review import wording
from jitney.core.review.content import content_hash
from jitney.core.review.pending import request_hash
from jitney.core.review.sheet import sheet_of
from jitney.core.review.votes import activated
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from tests.core.report.recorded_grants import report_of
from tests.core.report.recorded_grants import requested as recorded_request
from tests.core.review.samples import under_review
from tests.fakes import ACTIONS, GRANT, PENDING
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration
from tests.handlers.review_browser import Browser, review_system

GATEWAY = REQUEST_BODY | {"way": "gateway"}

ENDS = [(State.EXPIRED, 410, "grant_ended"), (State.RELEASED, 409, "grant_released")]


def test_gw_01_a_gateway_grant_is_recorded_and_has_no_credentials(system: System):
    status, answer, headers = system.call(create_grant, GATEWAY)
    assert status == 201
    assert "credentials" not in answer
    assert (answer["grant"]["way"], answer["grant"]["reveal"], answer["grant"]["state"]) == ("gateway", False, "active")
    assert answer["grant"]["starts_at"] == answer["grant"]["created_at"]
    assert headers["Location"] == f"https://jitney.example.com/live/v1/grants/{answer['grant']['id']}"
    assert not system.sessions.asked
    assert system.outcomes() == [("request", "allowed", "")]
    assert system.call(read_grant, grant_id=answer["grant"]["id"])[1]["grant"]["way"] == "gateway"


def test_gw_01_credentials_of_a_gateway_grant_are_refused_with_the_other_way(system: System):
    grant_id = system.call(create_grant, GATEWAY)[1]["grant"]["id"]
    status, answer, _ = system.call(create_credentials, grant_id=grant_id)
    assert (status, answer["code"]) == (409, "gateway_grant")
    assert "POST /v1/calls" in answer["fix"]
    assert grant_id in answer["fix"]
    assert answer["grant"]["way"] == "gateway"
    assert not system.sessions.asked
    assert system.outcomes()[-1] == ("issue", "refused", "gateway_grant")


def test_gw_01_a_pending_gateway_grant_says_already_that_it_will_have_no_credentials(system: System):
    grant_id = system.call(create_grant, GATEWAY | {"permissions": WRITE})[1]["grant"]["id"]
    assert system.call(create_credentials, grant_id=grant_id)[1]["code"] == "gateway_grant"


@pytest.mark.parametrize(("state", "status", "code"), ENDS)
def test_sts_07_a_gateway_grant_that_ended_says_so_where_it_has_no_credentials(
    system: System, state: State, status: int, code: str
):
    """Its calls would be refused. So the answer must not say where to send them."""
    grant_id = system.call(create_grant, GATEWAY)[1]["grant"]["id"]
    system.store.grants[grant_id] = replace(system.store.grants[grant_id], state=state)
    answered, answer, _ = system.call(create_credentials, grant_id=grant_id)
    assert (answered, answer["code"]) == (status, code)
    assert "new request" in answer["fix"]


def test_gw_01_a_request_without_a_way_is_for_credentials(system: System):
    status, answer, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, answer["grant"]["way"], answer["grant"]["reveal"]) == (201, "credentials", False)
    assert answer["credentials"]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"way": "proxy"}, "/way"),
        ({"way": "Gateway"}, "/way"),
        ({"way": None}, "/way"),
        ({"way": ["gateway"]}, "/way"),
        ({"reveal": True}, "/reveal"),
        ({"way": "credentials", "reveal": True}, "/reveal"),
        ({"way": "gateway", "reveal": "true"}, "/reveal"),
        ({"way": "gateway", "reveal": 1}, "/reveal"),
        ({"way": "gateway", "reveal": None}, "/reveal"),
        ({"way": "gateway", "access_profile": "deploy"}, "/access_profile"),
    ],
)
@pytest.mark.parametrize("handler", [create_grant, preview_decision])
def test_gw_04_a_wrong_way_or_reveal_is_refused_by_name(system: System, handler: Any, members: dict[str, Any], pointer):
    status, answer, _ = system.call(handler, REQUEST_BODY | members)
    assert (status, answer["code"]) == (400, "request_invalid")
    assert [each["pointer"] for each in answer["errors"]] == [pointer]
    assert not system.store.grants


def test_gw_07_the_record_of_a_request_says_the_way(system: System):
    system.call(create_grant, GATEWAY)
    system.call(preview_decision, GATEWAY)
    system.call(create_grant, REQUEST_BODY)
    ways = [json.loads(each["detail"])["way"] for each in system.records()]
    assert ways == ["gateway", "gateway", "credentials"]


def test_gw_06_a_repeated_request_names_no_credentials_path(system: System):
    key = {"idempotency_key": "k1"}
    first = system.call(create_grant, GATEWAY, **key)[1]["grant"]
    status, again, _ = system.call(create_grant, GATEWAY, **key)
    assert (status, again["grant"]["id"]) == (201, first["id"])
    assert "credentials_path" not in again
    assert system.call(create_grant, REQUEST_BODY, **key)[1]["code"] == "idempotency_mismatch"


@pytest.mark.parametrize(("body", "bound"), [(GATEWAY, "198.51.100.7"), (REQUEST_BODY, "")])
def test_gw_10_a_gateway_grant_of_a_binding_target_remembers_the_address_of_its_request(body: Any, bound: str):
    config = configuration(POLICIES)
    binding = replace(config.targets["analytics-prod"], bind_to_caller=True)
    system = System(config=replace(config, targets={"analytics-prod": binding}))
    grant_id = system.call(create_grant, body)[1]["grant"]["id"]
    assert system.store.grants[grant_id].bound_address == bound


def test_gw_10_a_gateway_grant_of_another_target_is_bound_to_no_address(system: System):
    grant_id = system.call(create_grant, GATEWAY)[1]["grant"]["id"]
    assert system.store.grants[grant_id].bound_address == ""


@pytest.mark.parametrize(("way", "live"), [(Way.GATEWAY, True), (Way.CREDENTIALS, False)])
def test_gw_10_an_approved_gateway_grant_may_have_sessions_at_once(way: Way, live: bool):
    approved = activated(replace(PENDING, way=way), PENDING.created_at)
    assert approved.may_have_credentials(PENDING.created_at) is live


@pytest.mark.parametrize("hashed", [content_hash, request_hash])
def test_rev_03_a_vote_and_a_joined_review_are_about_the_way_and_what_is_revealed(hashed: Any):
    ways = (GRANT, replace(GRANT, way=Way.GATEWAY), replace(GRANT, way=Way.GATEWAY, reveal=True))
    assert len({hashed(each) for each in ways}) == 3


def test_gw_04_a_grant_is_decided_again_with_its_way():
    again = replace(GRANT, way=Way.GATEWAY, reveal=True).as_request()
    assert (again.way, again.reveal) == (Way.GATEWAY, True)


SCOPE = 'principal in Jitney::Group::"corp/data-readers", action, resource'


def deciding(condition: str, **more: str) -> System:
    """Return a system in which `condition` decides about each request of the sample agent."""
    return System(config=configuration(f'@id("only") permit ({SCOPE}) when {{ {condition} }};' + more.get("text", "")))


PLAIN = REQUEST_BODY | {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/a"]}]}
ONLY_GATEWAY, ONLY_CREDENTIALS = 'context.way == "gateway"', 'context.way == "credentials"'


@pytest.mark.parametrize(
    ("condition", "ways"),
    [
        (ONLY_GATEWAY, {"credentials": "deny", "gateway": "allow"}),
        (ONLY_CREDENTIALS, {"credentials": "allow", "gateway": "deny"}),
        (
            'context.way == "gateway" && context.approvals.contains("owners")',
            {"credentials": "deny", "gateway": "review"},
        ),
        ("context.durationSeconds < 5", {"credentials": "deny", "gateway": "deny"}),
    ],
)
@pytest.mark.parametrize("way", Way)
def test_gw_04_a_dry_run_says_which_way_would_pass(condition: str, ways: dict[str, str], way: Way):
    status, answer, _ = deciding(condition).call(preview_decision, PLAIN | {"way": way})
    assert (status, answer["ways"], answer["effect"]) == (200, ways, ways[way])


@pytest.mark.parametrize(
    ("condition", "asked", "fix"),
    [
        (ONLY_GATEWAY, {}, '"way": "gateway"'),
        (ONLY_CREDENTIALS, {"way": "gateway"}, '"way": "credentials"'),
        ('context.way == "gateway" && context.approvals.contains("owners")', {}, "needs a review"),
        ("true", {"way": "gateway", "reveal": True}, 'without "reveal"'),
    ],
)
def test_gw_04_a_denial_names_the_request_that_would_pass(condition: str, asked: dict[str, Any], fix: str):
    system = deciding(condition)
    status, answer, _ = system.call(create_grant, PLAIN | asked)
    assert (status, answer["code"]) == (403, "denied")
    assert fix in answer["fix"]
    assert answer["ways"][asked.get("way", "credentials")] == "deny"
    assert system.outcomes() == [("request", "denied", "denied")]


def test_gw_04_a_denial_in_both_ways_names_neither():
    answer = deciding("context.durationSeconds < 5").call(create_grant, PLAIN)[1]
    assert answer["ways"] == {"credentials": "deny", "gateway": "deny"}
    assert "way" not in answer["fix"].split('"')


def test_gw_10_the_session_of_a_gateway_grant_is_not_bound_to_the_caller():
    """Its calls come from the broker."""
    config = configuration(POLICIES)
    binding = replace(config.targets["analytics-prod"], bind_to_caller=True)
    system = System(config=replace(config, targets={"analytics-prod": binding}))
    bound = system.call(preview_decision, REQUEST_BODY)[1]["session_policy"]
    free = system.call(preview_decision, GATEWAY)[1]["session_policy"]
    assert "198.51.100.7" in json.dumps(bound)
    assert "198.51.100.7" not in json.dumps(free)


MASKED = "gateway: Jitney makes the calls, with sensitive values masked in answers"
REVEALED = MASKED.replace("masked", "revealed")


@pytest.mark.parametrize(("reveal", "words"), [(False, MASKED), (True, REVEALED)])
def test_gw_04_every_channel_shows_reviewers_the_way(reveal: bool, words: str):
    """Slack and mail list the same facts."""
    grant = replace(PENDING, way=Way.GATEWAY, reveal=reveal)
    sheet = sheet_of(under_review(grant), {}, ACTIONS, (), (), PENDING.created_at)
    assert [each.value for each in wording.detail_facts(sheet) if each.name == "Way"] == [words]
    plain = sheet_of(under_review(PENDING), {}, ACTIONS, (), (), PENDING.created_at)
    assert "Way" not in [each.name for each in wording.detail_facts(plain)]


def test_gw_04_the_pages_show_reviewers_the_way():
    desk = review_system()
    asked = REQUEST_BODY | {"permissions": WRITE, "way": "gateway"}
    grant_id = desk.system.call(create_grant, asked)[1]["grant"]["id"]
    alice = Browser(desk)
    alice.sign_in("alice")
    assert MASKED in alice.send("GET", f"/reviews/{grant_id}").text
    assert MASKED in alice.send("GET", "/reviews").text


def test_gw_07_the_report_shows_the_way_and_suggests_nothing_wider():
    report = report_of(recorded_request(way="gateway", reveal=True))
    assert report.way == ("gateway", True)
    assert [row.text for row in _request_rows(report) if row.name == "way"] == [REVEALED]
    terms = Terms(report.granted.permissions, 60) if report.granted else report.requested
    (line, *_) = request_lines("t", terms, "r", "", report.way)
    assert "--way gateway --reveal" in line
    policy = policy_text(report, terms)
    assert 'when { context.way == "gateway" }' in policy
    assert "context.reveal" in policy
    silent = report_of(recorded_request(way="credentials"))
    assert [row.text for row in _request_rows(silent) if row.name == "way"] == []
    assert "context.way" not in policy_text(silent, terms)
