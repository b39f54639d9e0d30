"""A call that may change something: on record before it is sent, and again with its outcome (rows GW 5 and GW 6)."""

from dataclasses import dataclass, replace

from jitney.adapters.call_store import ApprovedUse
from jitney.adapters.transactions import StaleWrite
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import OVER_BUDGET, BudgetUse
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall
from jitney.core.gateway.call_state import CallAttempt, CallState, in_progress, new_attempt, recorded
from jitney.core.gateway.deletions import items_deleted
from jitney.core.gateway.instance_prices import cents_per_hour
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.handlers.gateway.call_checks import GatewayCall
from jitney.handlers.gateway.call_recording import record_of, recorded_call


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call on record as sent: its state, its form in records, its budget use, and its place for calls in flight."""

    attempt: CallAttempt
    shown: RecordedCall
    use: BudgetUse
    place: int | None


def begin_change(gateway_call: GatewayCall, limits: CallLimits, approval: ApprovedUse | None, call_id: str) -> SentCall:
    """Write that the call is being sent, unless another execution is sending it."""
    authenticated = gateway_call.authenticated
    if known := gateway_call.context.attempt:
        attempt = known.again(authenticated.now)
    else:
        attempt = new_attempt(
            call_id or authenticated.ports.new_id("c"),
            gateway_call.grant.id,
            authenticated.principal.owner_key,
            gateway_call.key_hash,
            gateway_call.content,
            authenticated.now,
        )
    shown = recorded_call(gateway_call, None)
    attempt, record = recorded(attempt, record_of(gateway_call, shown, Outcome.SENT, first=not attempt.records))
    with authenticated.counting_refusals(AuditEvent.CALL):
        use = budget_use(gateway_call, limits)._replace(lease_for=attempt.call_id)
        try:
            place = authenticated.ports.call_store.begin(
                attempt, record, use, gateway_call.context.budget, approval, now=authenticated.now
            )
        except StaleWrite as stale:
            raise in_progress(attempt.call_id) from stale
    return SentCall(attempt, shown, use, place)


def budget_use(gateway_call: GatewayCall, limits: CallLimits) -> BudgetUse:
    """Return what a call on record as sent uses of its grant's budget, without a place for calls in flight.

    Raises Problem call_budget_used if the budget limits the price of instances, and that of the call is not known. A
    reviewed call that only reads starts none, though it may name types.
    """
    modelled, prices = gateway_call.modelled, gateway_call.authenticated.ports.config.limits.hourly_prices
    call = (modelled.service, modelled.operation.name, modelled.parameters)
    priced = limits.cents_per_hour and not gateway_call.needs.reads
    cents = cents_per_hour(*call, prices) if priced else 0
    return BudgetUse(gateway_call.grant.id, limits, calls=1, items_deleted=items_deleted(*call), cents_per_hour=cents)


def finish_change(
    gateway_call: GatewayCall,
    sending: SentCall,
    after: CallAttempt,
    outcome: Outcome,
    *,
    code: str = "",
    answer: AnswerFacts | None = None,
    kept: str | None = None,
) -> None:
    """Write the outcome of a call on record as sent, and free its place. A call that did not run is no longer counted.

    If the answer has more bytes than the grant has left, the outcome is written without the answer, and Problem
    call_budget_used is raised.
    """
    authenticated = gateway_call.authenticated
    end = BudgetUse(gateway_call.grant.id, sending.use.limits, ends_lease=sending.place)
    use = sending.use.undone(sending.place) if after.state is CallState.NOT_SENT else end
    use = use._replace(bytes_out=answer.bytes_out if answer else 0)
    attempt, record = recorded(
        after, record_of(gateway_call, sending.shown, outcome, code=code, answer=answer, first=False)
    )
    try:
        authenticated.ports.call_store.finish(attempt, record, use, kept, now=authenticated.now)
    except Problem as problem:
        if problem.code not in OVER_BUDGET:
            raise
        without = replace(after, answer_until=0)
        refused = record_of(gateway_call, sending.shown, outcome, code=problem.code, answer=answer, first=False)
        attempt, record = recorded(without, refused)
        authenticated.ports.call_store.finish(attempt, record, end, now=authenticated.now)
        raise
