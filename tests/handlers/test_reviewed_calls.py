"""Reviewed calls by POST /v1/calls: what AWS receives, counted."""

import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, GrantEnd, State, VoteVerdict
from jitney.core.access.reviewed_call import call_id_of
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.handlers.call_withdrawals import withdraw_call
from jitney.handlers.held_reads import read_call
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.handlers.form_visits import use_break_glass
from tests.handlers.gateway import DELETE, DONE, GET, OK, POLICIES, Gateway
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, person

READS_REVIEWED = POLICIES.replace(
    '@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);',
    '@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource) '
    'when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };',
)
THROTTLED = AwsAnswer(
    503,
    {"x-amz-request-id": "T", "content-type": "application/xml"},
    b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>",
)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def child(gateway: Gateway) -> Grant:
    return next(each for each in reversed(gateway.system.store.grants.values()) if each.call)


def approve(gateway: Gateway) -> Grant:
    return vote(ballot(child(gateway)), gateway.system.ports)


def test_rev_16_a_reviewed_call_is_sent_once_after_its_approval(gateway: Gateway) -> None:
    status, waiting = gateway.post(DELETE, "k")
    assert (status, waiting["grant"]["call"]["parameters"]) == (202, {"Bucket": "reports", "Key": "2026/a"})
    assert gateway.post(DELETE, "k") == (status, waiting)
    approve(gateway)
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer["status"], answer["call_id"]) == (200, 200, waiting["call_id"])
    assert answer["grant_id"] == gateway.grant_id
    assert gateway.post(DELETE, "k") == (200, answer)
    assert len(gateway.upstream.sent) == 1
    assert gateway.post(DELETE, "k-2")[0] == 202
    assert len(gateway.upstream.sent) == 1
    state = gateway.system.call(read_call, grant_id=waiting["call_id"])[1]
    assert (state["state"], state["grant_id"]) == ("answered", gateway.grant_id)
    assert gateway.system.call(withdraw_call, grant_id=waiting["call_id"])[1]["code"] == "call_already_made"


def test_rev_16_a_masked_number_or_boolean_is_shown_as_masked_and_sent_as_it_is() -> None:
    """AWS marks VPN options as sensitive. A reviewer must not read 0 or false instead of them."""
    arn = "arn:aws:ec2:eu-west-1:444455556666:vpn-connection/vpn-0123456789abcdef0"
    action = "ec2:ModifyVpnTunnelOptions"
    gateway = Gateway(
        POLICIES.replace("s3:DeleteObject", action), permissions=[{"actions": [action], "resources": [arn]}]
    )
    options = {"Phase1LifetimeSeconds": 28_800, "EnableTunnelLifecycleControl": True}
    parameters = {"VpnConnectionId": arn.rpartition("/")[2], "VpnTunnelOutsideIpAddress": "192.0.2.1"}
    call = {"service": "ec2", "operation": "ModifyVpnTunnelOptions", "region": "eu-west-1"}
    call |= {"parameters": parameters | {"TunnelOptions": options}}
    status, waiting = gateway.post(call, "k")
    shown = waiting["grant"]["call"]["parameters"]
    assert (status, shown["VpnConnectionId"]) == (202, parameters["VpnConnectionId"])
    assert all(re.fullmatch(r"\[masked sensitive [0-9a-f]{6}\]", each) for each in shown["TunnelOptions"].values())
    approve(gateway)
    assert gateway.post(call, "k")[0] == 200
    ((request, _),) = gateway.upstream.sent
    assert (b"Phase1LifetimeSeconds=28800" in request.body, b"LifecycleControl=true" in request.body) == (True, True)


def test_rev_16_the_approval_is_used_in_the_write_before_sending(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    seen: list[State] = []

    def answer() -> AwsAnswer:
        seen.append(child(gateway).state)
        return DONE

    gateway.upstream.answer = answer
    gateway.post(DELETE, "k")
    assert seen == [State.USED]


OTHER: dict[str, dict[str, Any]] = {
    "another parameter": {
        **DELETE,
        "parameters": {"Bucket": "reports", "Key": "2026/a", "ExpectedBucketOwner": "444455556666"},
    },
    "another Region": {**DELETE, "region": "eu-west-2"},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_rev_16_no_other_call_is_sent_under_the_key_of_an_approved_one(gateway: Gateway, other: dict[str, Any]) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    status, answer = gateway.post(other, "k")
    assert (status, answer["code"], gateway.upstream.sent) == (422, "idempotency_mismatch", [])
    assert gateway.post(DELETE, "k")[0] == 200


def test_rev_16_executions_at_the_same_time_send_an_approved_call_once(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    together = threading.Barrier(4)
    statuses: list[tuple[int, Any]] = []
    read = gateway.calls.read

    def slowly(*arguments: Any) -> Any:
        found = read(*arguments)
        together.wait(timeout=30)
        return found

    gateway.calls.read = slowly  # type: ignore[method-assign]
    posts = [threading.Thread(target=lambda: statuses.append(gateway.post(DELETE, "k"))) for _ in range(4)]
    for each in posts:
        each.start()
    for each in posts:
        each.join()
    assert sorted(status for status, _ in statuses) == [200, 409, 409, 409]
    assert len(gateway.upstream.sent) == 1


def test_rev_16_a_throttled_call_keeps_its_approval_for_one_sending() -> None:
    """Even a call that only reads: its approval covers one answer."""
    gateway = Gateway(READS_REVIEWED)
    answers = [THROTTLED, THROTTLED, OK]
    gateway.upstream.answer = lambda: answers[min(len(gateway.upstream.sent), 3) - 1]
    assert gateway.post(GET, "k")[0] == 202
    approve(gateway)
    first, second = gateway.post(GET, "k"), gateway.post(GET, "k")
    assert {first[1]["status"], second[1]["status"]} == {503}
    status, answer = gateway.post(GET, "k")
    assert (status, answer["status"]) == (200, 200)
    assert gateway.post(GET, "k") == (status, answer)
    assert len(gateway.upstream.sent) == 3


def test_rev_16_a_call_that_aws_did_not_receive_before_its_approval_ended_is_not_said_to_be_sent(gateway: Gateway):
    """Break-glass approves a call for less time than its grant lasts."""
    ports = gateway.system.ports
    settings = BreakGlassConfig(("corp.gina",), (), ("analytics-prod",), (), 120, 600, own_requests=False)
    ports.config = replace(ports.config, break_glass=settings)
    gateway.post(DELETE, "k")
    use_break_glass(ports, person("gina"), child(gateway).id, content_hash(child(gateway)))
    gateway.upstream.answer = lambda: THROTTLED
    assert gateway.post(DELETE, "k")[1]["status"] == 503
    gateway.system.now += 120
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer["code"], len(gateway.upstream.sent)) == (410, "grant_ended", 1)
    assert "was not sent, and its approval ended at" in answer["detail"]


def test_rev_16_an_approved_call_that_may_have_run_is_not_sent_again(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    gateway.upstream.answer = lambda: (_ for _ in ()).throw(_lost())
    assert gateway.post(DELETE, "k")[1]["code"] == "call_may_have_run"
    gateway.upstream.answer = None
    assert gateway.post(DELETE, "k")[1]["code"] == "call_may_have_run"
    assert len(gateway.upstream.sent) == 1


def test_rev_16_a_throttled_call_that_is_lost_when_it_is_sent_again_may_have_run(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    gateway.upstream.answer = lambda: THROTTLED
    assert gateway.post(DELETE, "k")[1]["status"] == 503
    gateway.upstream.answer = lambda: (_ for _ in ()).throw(_lost())
    assert gateway.post(DELETE, "k")[1]["code"] == "call_may_have_run"


def _lost() -> Exception:
    return Problem("call_may_have_run", "The answer is lost.", "Look.")


@pytest.mark.parametrize("end", ["rejected", "withdrawn", "revoked", "changed"])
def test_rev_16_a_call_that_ended_is_not_sent(gateway: Gateway, end: str) -> None:
    _, waiting = gateway.post(DELETE, "k")
    grants, now = gateway.system.store.grants, gateway.system.now
    if end == "rejected":
        vote(ballot(child(gateway), verdict=VoteVerdict.REJECT, comment="keep it"), gateway.system.ports)
    else:
        approve(gateway)
    if end == "withdrawn":
        assert gateway.system.call(withdraw_call, grant_id=waiting["call_id"])[0] == 200
    if end == "revoked":
        grants[gateway.grant_id] = grants[gateway.grant_id].end(State.REVOKED, GrantEnd(now, "corp.olga", "leaked"))
    if end == "changed":
        grants[child(gateway).id] = replace(child(gateway), permissions=grants[gateway.grant_id].permissions)
    codes = {
        "rejected": "grant_rejected",
        "withdrawn": "grant_released",
        "revoked": "grant_revoked",
        "changed": "denied",
    }
    assert gateway.post(DELETE, "k")[1]["code"] == codes[end]
    assert gateway.upstream.sent == []


def test_rev_16_the_id_of_a_reviewed_call_is_that_of_its_grant(gateway: Gateway) -> None:
    _, waiting = gateway.post(DELETE, "k")
    assert waiting["call_id"] == call_id_of(child(gateway).id)
    approve(gateway)
    gateway.post(DELETE, "k")
    assert [each["chain"] for each in gateway.records() if each["event"] == "call"] == [waiting["call_id"]] * 2


def test_rev_16_a_notice_that_is_recorded_at_the_same_time_delays_no_call(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    begin, notices = gateway.calls.begin, iter(range(3))

    def begin_after_notice(*arguments: Any, **more: Any) -> Any:
        if next(notices, None) is not None:
            current = child(gateway)
            gateway.system.store.grants[current.id] = replace(current, records=current.records + 1)
        return begin(*arguments, **more)

    gateway.calls.begin = begin_after_notice  # type: ignore[method-assign]
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer.get("status")) == (200, 200)
    assert len(gateway.upstream.sent) == 1


@pytest.mark.parametrize("end", ["endless notices", "withdrawn"])
def test_rev_16_an_approval_that_keeps_changing_sends_nothing(gateway: Gateway, end: str) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    begin = gateway.calls.begin

    def begin_after_change(*arguments: Any, **more: Any) -> Any:
        current = child(gateway)
        changed = replace(current, records=current.records + 1)
        if end == "withdrawn":
            changed = changed.end(State.RELEASED, GrantEnd(gateway.system.now, current.principal, ""))
        gateway.system.store.grants[current.id] = changed
        return begin(*arguments, **more)

    gateway.calls.begin = begin_after_change  # type: ignore[method-assign]
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer["code"], gateway.upstream.sent) == (409, "call_in_progress", [])


def test_rev_16_another_failure_is_not_tried_again_with_the_approval(gateway: Gateway) -> None:
    """Its caller repeats it. Only a change of the call's grant shows that nothing was sent."""
    gateway.post(DELETE, "k")
    approve(gateway)
    began: list[Any] = []

    def fail(*arguments: Any, **_: Any) -> Any:
        began.append(arguments)
        raise Problem("unavailable", "Down.", "Wait.")

    gateway.calls.begin = fail  # type: ignore[method-assign]
    assert gateway.post(DELETE, "k")[1]["code"] == "unavailable"
    assert (len(began), gateway.upstream.sent) == (1, [])


@pytest.mark.parametrize("ended", [False, True], ids=["active", "ended"])
def test_gw_05_no_call_is_made_in_the_grant_of_a_reviewed_call(gateway: Gateway, ended: bool) -> None:
    gateway.post(DELETE, "k")
    approved = approve(gateway)
    if ended:
        gateway.system.call(release_grant, grant_id=gateway.grant_id)
    assert child(gateway).state is State.ACTIVE
    status, answer = gateway.post({**DELETE, "grant": approved.id})
    assert (status, answer["code"], gateway.upstream.sent) == (400, "request_invalid", [])
    assert child(gateway).id == approved.id
    assert gateway.post(DELETE, "k")[0] == (409 if ended else 200)


def revoke(gateway: Gateway, call: Grant) -> dict[str, Any]:
    """Return the answer to an operator who revokes the approval of a call."""
    now = gateway.system.now
    token = minting.token(sub="olga", groups=["security"], iat=now, exp=now + 60)
    return gateway.system.call(revoke_grant, {"reason": "the wrong object"}, grant_id=call.id, token=token)[1]


def test_rev_16_a_throttled_call_is_not_sent_again_after_its_approval_was_revoked(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    gateway.upstream.answer = lambda: THROTTLED
    assert gateway.post(DELETE, "k")[1]["status"] == 503
    gateway.upstream.answer = None
    assert revoke(gateway, child(gateway))["grant"]["state"] == "revoked"
    assert gateway.entries()[-1] == ("revocation", "revoked", "")
    assert gateway.post(DELETE, "k")[1]["code"] == "grant_revoked"
    assert len(gateway.upstream.sent) == 1


def test_rev_16_the_approval_of_a_call_is_not_revoked_after_its_end(gateway: Gateway) -> None:
    gateway.post(DELETE, "k")
    approve(gateway)
    gateway.post(DELETE, "k")
    used = child(gateway)
    gateway.system.now = used.expires_at
    assert revoke(gateway, used)["grant"]["state"] == "used"
    assert child(gateway) == used
