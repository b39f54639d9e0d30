"""The first end of a grant is on record, also if its step came late and another path closed the grant."""

import json
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.access.reviewed_call import call_id_of
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.credentials import create_credentials
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import EXPIRY_GRACE_SECONDS, reconcile
from jitney.handlers.review_failures import give_up
from jitney.handlers.review_schedule import check_schedule
from tests.core.identity import minting
from tests.handlers import test_call_reviews
from tests.handlers.conftest import System
from tests.handlers.test_call_reviews import PARENT, Gateway
from tests.handlers.test_earlier_approvals import Desk
from tests.handlers.test_ending import end_as


def suspend_silently(system: System) -> Suspension:
    """Suspend the agent. No step has written an end yet."""
    one = Suspension(
        "s-aaaaaaaaaaaaaa", SuspensionKind.AGENT, "corp.reader-agent", system.now, "corp.olga", "leaked",
        issuer=minting.CORP,
    )  # fmt: skip
    system.store.suspensions = Suspensions("s-1", (one,))
    return one


def last_record(system: System, grant: Grant) -> dict[str, Any]:
    found = [each for each in system.records() if each["grant_id"] == grant.id][-1]
    return {**found, "detail": json.loads(found["detail"])}


ENDS = [State.RELEASED, State.REVOKED]
gateway = test_call_reviews.gateway


@pytest.mark.parametrize("state", ENDS)
def test_rev_16_an_approved_call_of_an_ended_grant_has_not_expired(gateway: Gateway, state: State):
    system = gateway.system
    assert gateway.post()[0] == 202
    call = gateway.approve()
    system.now += 30
    assert end_as(system, PARENT, str(state))[0] == 200
    ended_at = system.now
    before = gateway.state(call_id_of(call.id))
    system.now += 3600
    reconcile(system.ports)
    record = last_record(system, call)
    assert (record["event"], record["outcome"]) == ("release" if state is State.RELEASED else "revocation", str(state))
    assert record["detail"]["ended_at"] == iso(ended_at)
    assert record["detail"]["no_denial"] == "not_issued"  # else `ends_not_denied` would list it
    assert gateway.state(call_id_of(call.id)) == before


@pytest.mark.parametrize("state", ENDS)
def test_rev_16_the_end_of_a_call_says_when_its_grant_ended(gateway: Gateway, state: State):
    system = gateway.system
    assert gateway.post()[0] == 202
    system.now += 30
    assert end_as(system, PARENT, str(state))[0] == 200
    ended_at = system.now
    system.now += 240
    reconcile(system.ports)
    assert last_record(system, gateway.child())["detail"]["ended_at"] == iso(ended_at)


def test_end_08_a_suspended_call_has_the_record_of_the_suspension(gateway: Gateway):
    system = gateway.system
    assert gateway.post()[0] == 202
    system.now += 30
    suspension = suspend_silently(system)
    system.now += 240
    reconcile(system.ports)
    record = last_record(system, gateway.child())
    assert (record["event"], record["code"]) == ("revocation", "suspended")
    assert record["detail"]["suspension"] == suspension.id
    assert record["detail"]["ended_at"] == iso(suspension.since)


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("state", ENDS)
def test_end_08_a_suspension_does_not_hide_the_earlier_end_of_a_call(gateway: Gateway, state: State, approved: bool):
    system = gateway.system
    assert gateway.post()[0] == 202
    call = gateway.approve() if approved else gateway.child()
    system.now += 30
    assert end_as(system, PARENT, str(state))[0] == 200
    ended_at = system.now
    system.now += 100
    suspend_silently(system)
    assert gateway.state(call_id_of(call.id))
    system.now += 3600
    reconcile(system.ports)
    record = last_record(system, call)
    assert (record["outcome"], record["code"], record["detail"]["ended_at"]) == (
        str(state), "grant_ended", iso(ended_at)
    )  # fmt: skip


@pytest.mark.parametrize("path", ["schedule", "failure"])
@pytest.mark.parametrize("state", ENDS)
def test_rev_16_a_pending_call_of_an_ended_grant_neither_expires_nor_fails(gateway: Gateway, state: State, path: str):
    system = gateway.system
    assert gateway.post()[0] == 202
    call = gateway.child()
    system.now += 30
    assert end_as(system, PARENT, str(state))[0] == 200
    if path == "schedule":
        system.now = call.expires_at + 1
        check_schedule({"grant_id": call.id, "since": 0}, system.ports)
    else:
        give_up({"grant_id": call.id, "error": "Stopped"}, system.ports)
    system.now += EXPIRY_GRACE_SECONDS
    reconcile(system.ports)
    assert system.store.grants[call.id].state is state
    assert last_record(system, call)["outcome"] == str(state)


def test_end_08_a_failed_issue_does_not_hide_the_end_by_a_suspension(monkeypatch: pytest.MonkeyPatch):
    desk = Desk()
    system = desk.system
    desk.approved()
    status, body, _ = desk.ask(reason="weekly")
    assert status == 201
    grant = system.store.grants[body["grant"]["id"]]
    assert grant.earlier_approvals

    def refused(*_: Any) -> Any:
        suspend_silently(system)
        raise Problem("policy_too_large", "The packed policy is too large.", "Request less.")

    monkeypatch.setattr(system.sessions, "issue", refused)
    system.now += 5
    assert system.call(create_credentials, grant_id=grant.id, token=desk.token())[1]["code"] == "policy_too_large"
    monkeypatch.undo()
    system.now += 5
    reconcile(system.ports)
    (current,) = system.store.suspensions.entries
    system.store.suspensions = system.store.suspensions.with_lifted(current, "corp.olga", system.now)
    system.now += 1
    assert (str(desk.stored(grant).state), desk.ask(reason="x")[0]) == ("revoked", 202)


def test_end_08_a_revocation_does_not_hide_the_earlier_end_by_a_suspension():
    desk = Desk()
    system = desk.system
    _, body, _ = desk.ask()
    grant = system.store.grants[body["grant"]["id"]]
    system.now += 30
    suspension = suspend_silently(system)
    system.now += 100
    seen = system.call(read_grant, grant_id=grant.id, token=desk.token())[1]["grant"]["ending"]
    assert end_as(system, grant.id, "revoked")[0] == 200
    reconcile(system.ports)
    assert desk.stored(grant).ending.at == suspension.since
    ends = [each for each in system.records() if each["event"] == "revocation"]
    assert [each["code"] for each in ends] == ["suspended"]
    after = system.call(read_grant, grant_id=grant.id, token=desk.token())[1]["grant"]["ending"]
    assert {**after, "written_at": None} == {**seen, "written_at": None}
