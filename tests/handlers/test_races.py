"""Two calls change one thing at the same time, in each order of their steps: one outcome, recorded in order."""

import itertools
import json
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from jitney.core.access.credentials import SessionRequest
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.reviewed_call import call_id_of
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import ReviewerGroup
from jitney.core.times import iso
from jitney.handlers.call_withdrawals import withdraw_call
from jitney.handlers.credentials import create_credentials
from jitney.handlers.ending.grant_expiry import record_expiry
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.suspensions import suspend
from tests.core.access.condition_semantics import holds
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.gateway import DELETE, Gateway
from tests.handlers.seen_votes import vote
from tests.handlers.stepping import Call, Prepared, meetings
from tests.handlers.test_ballots import ballot, pending
from tests.handlers.test_ending import REASON, operator
from tests.handlers.test_reviewed_calls import approve

UNWRITTEN = (503, "revocation_incomplete")
"""The other call holds the lease of the deny document, and stands still for longer than this one waits."""
SUSPENSIONS = {"agent": "corp.reader-agent", "target": "analytics-prod"}


def new_system() -> System:
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    return System(config=replace(configuration(), reviewers=groups))


def answer(system: System, route: Any, body: Any = None, **members: Any) -> tuple[int, str]:
    code, body, _ = system.call(route, body, **members)
    return code, str(body.get("code", ""))


def asking(system: System, route: Any, body: Any = None, **members: Any) -> Call:
    """Return a call that answers with its status and code."""
    return partial(answer, system, route, body, **members)


def revoking(system: System, grant_id: str) -> Call:
    return asking(system, revoke_grant, REASON, grant_id=grant_id, token=operator())


def suspending(system: System, kind: str) -> Call:
    body = {"kind": kind, "name": SUSPENSIONS[kind], "unseen": True, **REASON}
    return asking(system, suspend, body, token=operator())


def active(system: System) -> Grant:
    grant_id = system.call(create_grant, REQUEST_BODY | {"duration_seconds": 900})[1]["grant"]["id"]
    return system.store.grants[grant_id]


def approved(system: System) -> Grant:
    """Return an active grant whose credentials were not fetched yet."""
    return vote(ballot(pending(system)), system.ports)


def chain(system: System, grant_id: str) -> list[str]:
    """Return the events of a grant's records in order, with the outcomes of votes. Fails if the chain has a gap."""
    records = [each for each in system.records() if each["chain"] == grant_id]
    assert all(after["prev"] == before["hash"] for before, after in itertools.pairwise(records))
    assert [each["seq"] for each in records] == list(range(len(records)))
    return [each["outcome"] if each["event"] == "vote" else each["event"] for each in records]


def is_denied(system: System, session: SessionRequest, issued_at: int = minting.NOW) -> bool:
    """Return whether the role's deny document denies a session that was issued at this time."""
    document = json.loads(system.role_policies.documents.get(ROLE_ARN) or '{"Statement": []}')
    tags = {f"aws:PrincipalTag/{name}": value for name, value in session.tags}
    context = tags | {"aws:TokenIssueTime": iso(issued_at)}
    return any(holds(each["Condition"], context) for each in document["Statement"])


def _at(ports: Ports, moment: int) -> Ports:
    """Return the ports with a clock that stands."""
    other = copy(ports)
    other.__dict__["now"] = lambda: moment
    return other


def _state(change: Callable[..., Grant], *arguments: Any) -> State:
    return change(*arguments).state


@pytest.mark.parametrize("verdict", VoteVerdict)
def test_rev_04_two_reviewers_who_decide_at_once_give_one_outcome(verdict: VoteVerdict):
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        given = [ballot(grant), ballot(grant, "bob", verdict)]
        return system, *(partial(_state, vote, each, system.ports) for each in given)

    for system, *answers in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert grant.state in (State.ACTIVE, State.REJECTED)
        assert grant.state in answers
        assert set(answers) <= {grant.state, "review_ended"}
        decided = [each for each in chain(system, grant.id) if each in ("approved", "rejected")]
        assert decided == ["approved" if grant.state is State.ACTIVE else "rejected"]


def test_rev_04_of_an_approval_and_an_expiry_at_once_one_holds():
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        in_time, too_late = (_at(system.ports, grant.expires_at + late) for late in (-1, 0))
        return (
            system,
            partial(_state, vote, ballot(grant), in_time),
            partial(_state, record_expiry, grant, Suspensions(), too_late),
        )

    for system, voted, expired in meetings(prepare):
        (grant,) = system.store.grants.values()
        events = chain(system, grant.id)
        if grant.state is State.ACTIVE:
            assert (voted, "approved" in events, "expiry" in events) == (State.ACTIVE, True, False)
        else:
            assert (grant.state, voted, expired) == (State.EXPIRED, "review_ended", State.EXPIRED)
            assert ("approved" in events, events.count("expiry")) == (False, 1)


@pytest.mark.parametrize("renewed", [False, True], ids=["first issue", "renewal"])
@pytest.mark.parametrize("ends", ["released", "revoked"])
def test_end_01_keys_that_are_issued_while_a_grant_ends_are_denied(ends: str, renewed: bool):
    def prepare() -> Prepared:
        system = new_system()
        grant = active(system) if renewed else approved(system)
        end = asking(system, release_grant, grant_id=grant.id) if ends == "released" else revoking(system, grant.id)
        return system, end, asking(system, create_credentials, grant_id=grant.id)

    refused = (409 if ends == "released" else 410, f"grant_{ends}")
    for system, ended, fetched in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert (ended, grant.state) == ((200, ""), ends)
        assert fetched in ((200, ""), refused)
        assert len(system.sessions.asked) == renewed + (fetched == (200, ""))
        assert all(is_denied(system, each) for each in system.sessions.asked)
        events, end_event = chain(system, grant.id), "release" if ends == "released" else "revocation"
        assert events.count(end_event) == 1
        assert "issue" not in events[events.index(end_event) :]


@pytest.mark.parametrize("kind", SUSPENSIONS)
@pytest.mark.parametrize("asked", ["request", "first issue", "renewal"])
def test_end_08_keys_that_are_issued_while_their_agent_is_suspended_are_denied(kind: str, asked: str):
    def prepare() -> Prepared:
        system = new_system()
        if asked == "request":
            return system, suspending(system, kind), asking(system, create_grant, REQUEST_BODY)
        grant = active(system) if asked == "renewal" else approved(system)
        return system, suspending(system, kind), asking(system, create_credentials, grant_id=grant.id)

    for system, suspended, fetched in meetings(prepare):
        assert suspended == (201, "")
        assert fetched in ((200, ""), (201, ""), (403, "suspended"), (410, "grant_revoked"))
        assert len(system.sessions.asked) == (asked == "renewal") + (fetched[0] < 300)
        assert all(is_denied(system, each) for each in system.sessions.asked)
        system.now += 120
        reconcile(system.ports)
        assert all(each.state is State.REVOKED for each in system.store.grants.values())


def test_end_08_a_request_that_is_approved_while_its_target_is_suspended_is_revoked():
    def prepare() -> Prepared:
        system = new_system()
        return system, suspending(system, "target"), partial(_state, vote, ballot(pending(system)), system.ports)

    for system, suspended, voted in meetings(prepare):
        assert (suspended, voted in (State.ACTIVE, "review_ended")) == ((201, ""), True)
        (grant,) = system.store.grants.values()
        assert answer(system, create_credentials, grant_id=grant.id) == (410, "grant_revoked")
        reconcile(system.ports)
        assert system.store.grants[grant.id].state is State.REVOKED
        assert chain(system, grant.id).count("revocation") == 1


@pytest.mark.parametrize("reasons", [("a", "a"), ("a", "b")], ids=["same body", "another body"])
def test_sts_05_the_same_key_twice_at_once_opens_one_grant(reasons: tuple[str, str]):
    def prepare() -> Prepared:
        system = new_system()
        bodies = [REQUEST_BODY | {"reason": each} for each in reasons]
        return system, *(asking(system, create_grant, each, Idempotency_Key="k") for each in bodies)

    expected = [(201, ""), (201, "")] if reasons[0] == reasons[1] else [(201, ""), (422, "idempotency_mismatch")]
    for system, *answers in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert sorted(answers) == expected
        assert len(system.sessions.asked) == 1
        assert chain(system, grant.id) == ["request"]


@pytest.mark.parametrize("other", ["revocation", "reconciler"])
def test_end_03_writers_of_one_deny_document_at_once_lose_no_entry(other: str):
    def prepare() -> Prepared:
        system = new_system()
        grant_id = active(system).id
        if other == "reconciler":
            return system, revoking(system, grant_id), lambda: _run(system)
        return system, revoking(system, grant_id), revoking(system, active(system).id)

    for system, *answers in meetings(prepare):
        for answered, grant in zip(answers, system.store.grants.values(), strict=False):
            assert answered in ((200, ""), UNWRITTEN)
            assert answered == UNWRITTEN or grant.id in system.role_policies.denies(ROLE_ARN)
        reconcile(system.ports)
        assert system.role_policies.denies(ROLE_ARN) == system.store.grants.keys()
        assert all(is_denied(system, each) for each in system.sessions.asked)


def _run(system: System) -> str:
    """Run the reconciler. It fails if the other call holds the lease for too long."""
    try:
        reconcile(system.ports)
    except RuntimeError as error:
        assert str(error) == "not reconciled: analytics-prod"
    return ""


@pytest.mark.parametrize("other", ["the same post", "withdrawal", "revocation of the grant", "suspension"])
def test_rev_16_an_approved_call_meets_another_call_and_is_sent_once_or_never(other: str):
    def prepare() -> Prepared:
        gateway = Gateway()
        system = gateway.system
        system.sent = gateway.upstream.sent  # type: ignore[attr-defined]
        gateway.post(DELETE, "k")
        call_id = call_id_of(approve(gateway).id)

        def post() -> tuple[int, str]:
            status, body = gateway.post(DELETE, "k")
            return status, str(body.get("code", ""))

        return system, post, {
            "the same post": post,
            "withdrawal": asking(system, withdraw_call, grant_id=call_id),
            "revocation of the grant": revoking(system, gateway.grant_id),
            "suspension": suspending(system, "agent"),
        }[other]  # fmt: skip

    for system, posted, ended in meetings(prepare):
        (child,) = [each for each in system.store.grants.values() if each.call]
        used = [each["event"] for each in system.records() if each["chain"] == child.id].count("use")
        sent = len(system.sent)  # type: ignore[attr-defined]
        assert (sent, child.state is State.USED) == (used, bool(used))
        if other == "the same post":
            assert sent == 1
            assert {posted, ended} <= {(200, ""), (409, "call_in_progress")}
        else:
            assert (posted[0] == 200) == bool(sent)
            assert (
                ended in {(200, ""), (201, "")} if other != "withdrawal" or not sent else {(409, "call_already_made")}
            )
        chain(system, child.id)


def test_rev_12_equal_requests_at_once_begin_one_review():
    def prepare() -> Prepared:
        system = new_system()
        body = REQUEST_BODY | {"permissions": WRITE}
        return system, *(asking(system, create_grant, body, Idempotency_Key=each) for each in ("a", "b"))

    for system, *answers in meetings(prepare):
        assert answers == [(202, ""), (202, "")]
        assert len(system.store.grants) == len(system.reviews.started) == 1
