"""Row POL 1: time windows count at a request, at each vote, at each issue of credentials and at each call."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import Policies, ReviewerGroup
from jitney.core.policy.shadow import ShadowPolicies
from jitney.core.problems import Problem
from jitney.core.time_window_config import TimeWindow
from jitney.core.times import format_time, iso
from jitney.handlers.caller import visible_targets
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.permitted_targets import list_targets
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE
from tests.handlers.gateway import GET, PUT, Gateway
from tests.handlers.review_browser import ReviewSystem, review_system
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.handlers.test_break_glass import SETTINGS, pending, signed_in, smash, stored
from tests.handlers.test_call_tickets import UPLOAD
from tests.handlers.test_earlier_approvals import Desk
from tests.handlers.test_present_denials import DENIED, page_of
from tests.handlers.test_reconfigured_grants import person, policies_are
from tests.handlers.test_reviewed_calls import approve

SCOPE = "principal, action, resource"
ANY = "[true, false].contains(resource.wildcard) && [true, false].contains(context.reveal)"
FROZEN = f"""
@id("all") permit ({SCOPE}) when {{ {ANY} }};
@id("freeze") @advice("Changes wait.") forbid ({SCOPE}) when {{ context.timeWindows.contains("freeze") }};
"""
REVIEWED = FROZEN.replace(ANY, f'{ANY} && context.approvals.contains("owners")')


def freeze(opens: int, closes: int) -> dict[str, TimeWindow]:
    return {"freeze": TimeWindow("UTC", (), ((opens, closes),))}


@pytest.fixture
def desk() -> Desk:
    return Desk(FROZEN)


def test_pol_01_a_request_that_lasts_into_a_window_is_denied_with_a_duration_that_passes(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now + 420, now + 900))
    status, body, _ = desk.ask()
    assert (status, body["code"], body["longest_seconds"]) == (403, "denied", 360)
    later = f"Policies permit the whole request from {format_time(now + 900)} on."
    assert body["fix"] == f"Request at most 360 seconds. It would then pass. {later}"
    assert (body["retry_at"], body["detail"][-28:]) == (iso(now + 900), " is forbidden. Changes wait.")
    assert desk.ask(duration_seconds=360)[0] == 201


def test_pol_01_during_a_window_the_problem_says_when_the_request_passes(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now - 1, now + 900))
    status, body, _ = desk.ask(route=preview_decision)
    assert (status, body["effect"], body["longest_seconds"]) == (200, "deny", 0)
    assert body["retry_at"] == iso(now + 900)
    status, body, _ = desk.ask()
    assert (status, body["longest_seconds"], body["retry_at"]) == (403, 0, iso(now + 900))
    assert body["fix"] == f"Request it from {format_time(now + 900)} on. It would then pass."
    desk.system.now = now + 900
    assert desk.ask()[0] == 201


def test_pol_01_a_denial_that_no_window_causes_has_no_time(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now - 1, now + 900))
    desk.load(FROZEN + f'@id("never") forbid ({SCOPE});')
    _, body, _ = desk.ask()
    assert "retry_at" not in body
    assert "retry_at" not in desk.ask(route=preview_decision)[1]


def test_pol_14_the_record_has_the_windows_that_the_decision_saw(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now + 300, now + 900))
    desk.ask()
    inputs = json.loads(desk.system.records()[-1]["detail"])["decision_inputs"]
    assert inputs["time_windows"] == [[], ["freeze"]]


def test_pol_01_credentials_are_renewed_up_to_a_window_that_begins_when_the_grant_ends(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now + 600, now + 900))
    _, body, _ = desk.ask()
    desk.system.now += 500
    renewed = desk.system.call(create_credentials, grant_id=body["grant"]["id"], token=desk.token())
    assert renewed[0] == 200


def test_pol_01_credentials_are_not_renewed_into_a_window_that_was_configured_later(desk: Desk):
    now = desk.system.now
    _, body, _ = desk.ask()
    desk.configure(time_windows=freeze(now + 599, now + 900))
    status, problem, _ = desk.system.call(create_credentials, grant_id=body["grant"]["id"], token=desk.token())
    assert (status, problem["code"]) == (403, "denied")
    record = desk.system.records()[-1]
    assert (record["event"], record["outcome"], record["policies"]) == ("issue", "denied", ["freeze"])


def test_pol_01_an_approval_in_a_window_that_policies_forbid_grants_nothing():
    desk = Desk(REVIEWED)
    status, body, _ = desk.ask()
    grant = desk.system.store.grants[body["grant"]["id"]]
    assert status == 202
    desk.configure(time_windows=freeze(desk.system.now + 300, grant.expires_at))
    assert vote(ballot(grant), desk.system.ports).state is State.FAILED
    assert desk.ask()[1]["code"] == "denied"


@pytest.fixture
def reviewed() -> tuple[ReviewSystem, Grant]:
    """A desk with a pending request for 600 seconds, and a freeze that begins in 420 seconds."""
    desk = review_system(reviewers={"owners": ReviewerGroup(("staff.alice",))}, break_glass=SETTINGS)
    grant, now = pending(desk, duration_seconds=600), desk.system.now
    desk.system.ports.config = replace(desk.system.ports.config, time_windows=freeze(now + 420, now + 900))
    policies_are(desk, FROZEN.partition(";")[2])
    return desk, grant


def test_rev_10_a_request_that_would_last_into_a_window_is_approved_for_less(reviewed: tuple[ReviewSystem, Grant]):
    desk, grant = reviewed
    alice = person(desk, "alice")
    later = f"All of it can be approved from {format_time(desk.system.now + 900)} on."
    assert f"Only a part of it can be approved: for at most 6 minutes. {later}" in page_of(alice, grant)
    form = alice.first_form(grant.id, "approve_selected")
    assert form["seconds"] == "360"
    desk.system.now += 61
    alice.decide(f"/reviews/{grant.id}", form)
    assert stored(desk, grant).state is State.PENDING
    desk.system.now -= 1
    alice.decide(f"/reviews/{grant.id}", form)
    after = stored(desk, grant)
    assert (after.state, after.expires_at) == (State.ACTIVE, desk.system.now + 360)
    desk.system.now += 359
    token = minting.token(iat=desk.system.now, exp=desk.system.now + 60)
    assert desk.system.call(create_credentials, grant_id=grant.id, token=token)[0] == 200


@pytest.mark.parametrize("wait", [121, 420])
def test_rev_10_a_request_that_a_window_forbids_whole_is_only_rejected(reviewed: tuple[ReviewSystem, Grant], wait: int):
    """Policies permit it later. The page offered an approval for no part of it."""
    desk, grant = reviewed
    desk.system.now += wait
    page = page_of(person(desk, "alice"), grant)
    assert (DENIED in page, "is forbidden. Changes wait." in page, 'value="approve' in page) == (True, True, False)


@pytest.mark.parametrize(("wait", "state"), [(300, State.ACTIVE), (301, State.PENDING)])
def test_rev_08_break_glass_does_not_last_into_a_window(reviewed: tuple[ReviewSystem, Grant], wait: int, state: State):
    desk, grant = reviewed
    desk.system.now += wait
    gina = signed_in(desk, "gina")
    assert ("Use break-glass" in page_of(gina, grant)) == (state is State.ACTIVE)
    smash(gina, grant)
    assert stored(desk, grant).state is state


EMERGENCY = """@id("freeze") {approval} forbid (principal, action, resource)
when {{ context.timeWindows.contains("freeze") }} unless {{ context.approvals.contains("{exception}") }};"""


@pytest.mark.parametrize(
    ("approval", "exception", "answer", "state"),
    [
        ("", "break-glass", 403, State.ACTIVE),
        ('@approval("board")', "board", 202, State.ACTIVE),
        ("", "no group", 403, State.PENDING),
    ],
)
def test_rev_08_a_freeze_leaves_break_glass_what_its_policy_excepts(
    approval: str, exception: str, answer: int, state: State
):
    """`answer` is that to a request in the freeze, and `state` what break-glass leaves of an earlier request."""
    groups = {"owners": ReviewerGroup(("staff.alice",)), "board": ReviewerGroup(("staff.lara",))}
    desk = review_system(reviewers=groups, break_glass=SETTINGS)
    grant, now = pending(desk), desk.system.now
    desk.system.ports.config = replace(desk.system.ports.config, time_windows=freeze(now - 60, now + 900))
    policies_are(desk, EMERGENCY.format(approval=approval, exception=exception))
    other = [WRITE[0] | {"resources": ["arn:aws:s3:::reports/2026/q4.csv"]}]
    assert desk.system.call(create_grant, REQUEST_BODY | {"permissions": other})[0] == answer
    smash(signed_in(desk, "gina"), grant)
    assert stored(desk, grant).state is state


def test_pol_01_an_approval_in_a_window_that_closes_during_the_review_is_refused():
    desk = Desk(REVIEWED)
    _, body, _ = desk.ask()
    grant = desk.system.store.grants[body["grant"]["id"]]
    desk.configure(time_windows=freeze(desk.system.now + 300, grant.expires_at - 1))
    with pytest.raises(Problem) as refused:
        vote(ballot(grant), desk.system.ports)
    problem, closes = refused.value, grant.expires_at - 1
    assert (problem.code, problem.extras["retry_at"]) == ("selection_denied", iso(closes))
    assert problem.fix == f"Approve it from {format_time(closes)} on, or reject the request."
    assert desk.system.store.grants[grant.id] == grant
    desk.system.now = closes
    assert vote(ballot(grant), desk.system.ports).state is State.ACTIVE


def configure(gateway: Gateway, **changes: Any) -> None:
    gateway.system.config = gateway.system.ports.config = replace(gateway.system.config, **changes)


@pytest.mark.parametrize("call", [GET, PUT], ids=["read", "change"])
@pytest.mark.parametrize(("opens", "sent"), [(1, 0), (2, 0), (3, 1)])
def test_pol_01_a_call_is_not_sent_after_its_window_changed(
    call: dict[str, Any], opens: int, sent: int, monkeypatch: pytest.MonkeyPatch
):
    """A function may wait for seconds for a session, between the decision and the call."""
    gateway = Gateway(FROZEN)
    configure(gateway, time_windows=freeze(gateway.system.now + opens, gateway.system.now + 900))
    issue = gateway.system.sessions.issue

    def slow(*given: Any) -> Any:
        gateway.system.now += 2
        return issue(*given)

    monkeypatch.setattr(gateway.system.sessions, "issue", slow)
    status, body = gateway.post(call, "k")
    assert (status, len(gateway.upstream.sent)) == ((200, 1) if sent else (503, 0))
    if not sent:
        assert (body["code"], "did not run" in body["detail"]) == ("upstream_unreached", True)
        assert gateway.entries()[-1] == ("call", "failed", "upstream_unreached")
        assert gateway.post(call, "k")[1]["code"] == "denied"


@pytest.mark.parametrize(("call", "first_denied"), [(PUT, 60), (UPLOAD, 1)], ids=["a call", "a ticket"])
def test_pol_01_no_call_reaches_into_a_window_that_policies_forbid(call: dict[str, Any], first_denied: int):
    """S3 accepts a ticket for a minute. So it is denied in the last minute before the window, and a call is not."""
    gateway = Gateway(FROZEN)
    now = gateway.system.now
    configure(gateway, time_windows=freeze(now + 60, now + 120))

    def posted(seconds: int) -> tuple[int, dict[str, Any]]:
        gateway.system.now = now + seconds
        return gateway.post(call)

    assert posted(first_denied - 1)[0] == 200
    sent = len(gateway.upstream.sent)
    for seconds in (first_denied, 119):
        status, problem = posted(seconds)
        assert (status, problem["code"], problem["retry_at"]) == (403, "denied", iso(now + 120))
        assert problem["fix"] == f"Make the call from {format_time(now + 120)} on. It would then pass."
    assert len(gateway.upstream.sent) == sent
    assert posted(120)[0] == 200


def test_pol_01_the_ticket_of_an_approved_call_needs_the_approvals_of_its_whole_minute():
    gateway = Gateway("""
    @id("reviewed") permit (principal, action, resource)
    when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };
    @id("freeze") forbid (principal, action, resource) when { context.timeWindows.contains("freeze") }
    unless { context.approvals.contains("security") };
    """)
    now, groups = gateway.system.now, gateway.system.config.reviewers
    configure(
        gateway, reviewers=groups | {"security": ReviewerGroup(("corp.bob",))}, time_windows=freeze(now + 60, now + 120)
    )
    for key, call in (("k-1", UPLOAD), ("k-2", PUT), ("k-3", UPLOAD)):
        assert gateway.post(call, key)[0] == 202
        approve(gateway)
    assert gateway.post(UPLOAD, "k-1")[0] == 200
    gateway.system.now = now + 1
    assert gateway.post(PUT, "k-2")[0] == 200
    assert (gateway.post(UPLOAD, "k-3")[1]["code"]) == "denied"


def test_cli_05_a_target_that_a_window_closes_is_not_listed_until_it_opens(desk: Desk):
    now = desk.system.now // 60 * 60 + 60
    desk.configure(time_windows=freeze(now, now + 600))

    def listed(at: int) -> list[Any]:
        desk.system.now = at
        return [each["target"] for each in desk.system.call(list_targets, token=desk.token())[1]["targets"]]

    assert [listed(now - 600), listed(now), listed(now + 599), listed(now + 600)] == [
        ["analytics-prod"], [], [], ["analytics-prod"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "begins", "evaluated"),
    [
        (FROZEN.partition(";")[0] + ";", 3600, 1),  # names no window
        (FROZEN, 3660, 1),  # no grant can last so long
        (FROZEN, 3659, 2),
    ],
)
def test_cli_05_a_list_is_evaluated_again_only_while_a_grant_can_meet_a_change(
    monkeypatch: pytest.MonkeyPatch, policies: str, begins: int, evaluated: int
):
    """Each list of a new minute took as long as the first one, so that a long list was never whole."""
    visible_targets._evaluated.cache_clear()
    desk, made = Desk(policies), list[Any]()
    now = desk.system.now // 60 * 60
    desk.configure(time_windows={**freeze(now + begins, now + 7260), "other": freeze(now + 30, now + 45)["freeze"]})
    whole = visible_targets.permitted_target
    monkeypatch.setattr(visible_targets, "permitted_target", lambda *asked: made.append(asked) or whole(*asked))
    for desk.system.now in (now, now + 59, now + 60, now + 119):
        assert desk.system.call(list_targets, token=desk.token())[1]["targets"]
    assert len(made) == evaluated


def test_pol_14_the_shadow_sees_the_same_windows(desk: Desk):
    now = desk.system.now
    desk.configure(time_windows=freeze(now + 60, now + 900))
    shadow = Policies(desk.system.config.policies.text, desk.system.config.policies.schema, "next")
    desk.load(f'@id("all") permit ({SCOPE}) when {{ {ANY} }};')
    desk.system.ports.shadow_policies = ShadowPolicies.load(shadow)
    assert desk.ask()[0] == 201
    detail = json.loads(next(each for each in desk.system.records() if each["event"] == "request")["detail"])
    assert detail["shadow"] == {"policy_version": "next", "effect": "deny", "policies": ["freeze"]}
