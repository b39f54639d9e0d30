"""A function's process ends, or AWS does not answer, at each step of a call. The repeated call happens once.

`make faults` lets AWS fail in the same places of the running system. There, no process ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.reviewed_call import call_id_of
from jitney.core.problems import Problem
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers.call_withdrawals import withdraw_call
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import WORKFLOW_START_SECONDS, reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_notices import notify
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.suspensions import lift
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.gateway import DELETE, PUT, Gateway
from tests.handlers.seen_votes import vote
from tests.handlers.stepping import Call, faults
from tests.handlers.test_ballots import ballot, pending
from tests.handlers.test_ending import operator
from tests.handlers.test_races import active, approved, asking, chain, is_denied, new_system, revoking, suspending
from tests.handlers.test_reviewed_calls import approve, child

type Beginning = tuple[System, Call]
MAY_HAVE_RUN = "call_may_have_run"


def on_active(call: Callable[[System, Grant], Call]) -> Callable[[], Beginning]:
    """Return how a call about an active grant begins, whose credentials are live."""

    def begin() -> Beginning:
        system = new_system()
        return system, call(system, active(system))

    return begin


def on_pending(call: Callable[[System, Grant], Call]) -> Callable[[], Beginning]:
    """Return how a call about a request under review begins."""

    def begin() -> Beginning:
        system = new_system()
        return system, call(system, pending(system))

    return begin


def requesting(permissions: Any) -> Beginning:
    system = new_system()
    return system, asking(system, create_grant, REQUEST_BODY | {"permissions": permissions}, Idempotency_Key="k")


def first_issue() -> Beginning:
    system = new_system()
    return system, asking(system, create_credentials, grant_id=approved(system).id)


def voting(verdict: VoteVerdict) -> Callable[[], Beginning]:
    return on_pending(
        lambda system, grant: lambda: (200, str(vote(ballot(grant, verdict=verdict), system.ports).state))
    )


def narrowing() -> Beginning:
    """The first of two approvals narrows a request whose workflow waits."""
    system = new_system()
    two = system.config.reviewers["owners"]._replace(approvals=2)
    system.ports.config = replace(system.config, reviewers={"owners": two})
    grant = pending(system)
    notify(check_schedule({"grant_id": grant.id, "since": 0}, system.ports) | {"token": "t"}, system.ports)
    given = ballot(grant, narrowing=NarrowedApproval(grant.permissions, 60))

    def cast() -> tuple[int, str]:
        try:
            return 200, str(vote(given, system.ports).state)
        except Problem as problem:
            if "You approved it as it is now." not in problem.detail:
                raise
            return 200, problem.code

    return system, cast


def lifting() -> Beginning:
    system = new_system()
    active(system)
    suspending(system, "agent")()
    (suspension,) = system.store.suspensions.entries
    return system, asking(system, lift, {"reason": "rotated"}, grant_id=suspension.id, token=operator())


def through_gateway(call: Mapping[str, Any], *, reviewed: bool = False) -> Beginning:
    gateway = Gateway()
    gateway.system.gateway = gateway  # type: ignore[attr-defined]
    if reviewed:
        gateway.post(DELETE, "k")
        approve(gateway)

    def post() -> tuple[int, str]:
        status, body = gateway.post(dict(call), "k")
        return status, str(body.get("code", ""))

    return gateway.system, post


def withdrawing() -> Beginning:
    system, post = through_gateway(DELETE)
    post()
    call_id = call_id_of(child(system.gateway).id)  # type: ignore[attr-defined]
    return system, asking(system, withdraw_call, grant_id=call_id)


class Flow(NamedTuple):
    """How a call begins, the state of the newest grant afterwards, and the events that are on its record once.

    `sent` is how many calls AWS received through the gateway.
    """

    begin: Callable[[], Beginning]
    state: State
    once: tuple[str, ...] = ("request",)
    sent: int = 0


FLOWS: Mapping[str, Flow] = {
    "request": Flow(lambda: requesting(REQUEST_BODY["permissions"]), State.ACTIVE),
    "request for review": Flow(lambda: requesting(WRITE), State.PENDING),
    "first issue": Flow(first_issue, State.ACTIVE, ("request", "approved")),
    "renewal": Flow(
        on_active(lambda system, grant: asking(system, create_credentials, grant_id=grant.id)), State.ACTIVE
    ),
    "release": Flow(
        on_active(lambda system, grant: asking(system, release_grant, grant_id=grant.id)),
        State.RELEASED,
        ("request", "release"),
    ),
    "revocation": Flow(
        on_active(lambda system, grant: revoking(system, grant.id)), State.REVOKED, ("request", "revocation")
    ),
    "withdrawal": Flow(
        on_pending(lambda system, grant: asking(system, release_grant, grant_id=grant.id)),
        State.RELEASED,
        ("request", "release"),
    ),
    "approval": Flow(voting(VoteVerdict.APPROVE), State.ACTIVE, ("request", "approved")),
    "narrowed approval": Flow(narrowing, State.PENDING, ("request", "approved")),
    "rejection": Flow(voting(VoteVerdict.REJECT), State.REJECTED, ("request", "rejected")),
    "suspension": Flow(
        on_active(lambda system, _: suspending(system, "agent")), State.REVOKED, ("request", "revocation")
    ),
    "suspension under review": Flow(
        on_pending(lambda system, _: suspending(system, "target")), State.REVOKED, ("request", "revocation")
    ),
    "lifting": Flow(lifting, State.REVOKED, ("request", "revocation")),
    "gateway write": Flow(lambda: through_gateway(PUT), State.ACTIVE, sent=1),
    "review of a call": Flow(lambda: through_gateway(DELETE), State.PENDING),
    "reviewed call": Flow(
        lambda: through_gateway(DELETE, reviewed=True), State.USED, ("request", "approved", "use"), 1
    ),
    "withdrawal of a call": Flow(withdrawing, State.RELEASED, ("request", "release")),
}


@pytest.mark.parametrize("name", FLOWS)
def test_pol_08_a_call_whose_process_ends_at_any_step_is_done_once_by_its_repeat(name: str):
    flow = FLOWS[name]
    for system, repeat, fault in faults(flow.begin):
        system.now += WORKFLOW_START_SECONDS + 1
        answers = [repeat(), repeat()]  # the function of the first repeat may have been the one that completes it
        assert all(_is_done(each) for each in answers), (fault, answers)
        if flow.state in (State.RELEASED, State.REVOKED):
            assert all(is_denied(system, each) for each in system.sessions.asked), fault
        system.now += 2 * IN_FLIGHT_SECONDS
        reconcile(system.ports)
        grant = [*system.store.grants.values()][-1]
        assert grant.state is flow.state, fault
        events = chain(system, grant.id)
        assert {each: events.count(each) for each in flow.once} == dict.fromkeys(flow.once, 1), fault
        if grant.state is State.PENDING:
            assert grant.id in system.reviews.started, fault
            assert (grant.id in system.reviews.resumed) == bool(grant.narrowed_at), fault
        elif grant.id in system.reviews.started:
            assert grant.id in system.reviews.resumed, fault
        assert not system.store.deny_list.leased_until, fault
        if gateway := system.__dict__.get("gateway"):
            unknown = MAY_HAVE_RUN in {code for _, code in answers}
            assert len(gateway.upstream.sent) in ((0, 1) if unknown else (flow.sent,)), fault


def _is_done(answer: tuple[int, str]) -> bool:
    return answer[0] < 300 or answer[1] == MAY_HAVE_RUN
