"""Sends a permitted call, masks its answer, and records both (rows GW 1, GW 5, GW 6 and GW 7).

A call that only reads has one record, before its answer leaves. Any other call has a session of its own, one record
before it is sent, and one before its answer leaves. So no such call is made without a record.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any

from jitney.adapters.call_store import ApprovedUse, CallContext
from jitney.adapters.error_codes import is_throttled
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.credentials import Credentials
from jitney.core.access.grant import State
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits
from jitney.core.call_lookup import read_call_id
from jitney.core.gateway.answer_masking import most_masked_bytes
from jitney.core.gateway.aws_answer import AwsAnswer, MaskedAnswer
from jitney.core.gateway.budgets import BudgetUse
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall
from jitney.core.gateway.call_state import CallAttempt, CallState, Repeat, in_progress, new_attempt, recorded
from jitney.core.gateway.carried_bodies import body_text, is_carried
from jitney.core.gateway.changing_reads import changes_something
from jitney.core.gateway.deletions import items_deleted
from jitney.core.gateway.kept_answers import KEPT_SECONDS, answer_to_keep
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome, chain_record
from jitney.handlers.caller.callers import AuthenticatedRequest
from jitney.handlers.gateway.call_checks import GatewayCall
from jitney.handlers.gateway.call_recording import answer_facts, record_of, recorded_call
from jitney.handlers.gateway.call_sessions import call_session, reads_session
from jitney.handlers.grant.responses import active_grant
from jitney.handlers.runtime.edge import log_unhandled
from jitney.handlers.runtime.http import Response

READ_ATTEMPTS = 2
"""How often a read is sent. It is sent again if its answer is lost, for example because AWS closed the connection."""
REPEAT_WITHIN_MILLISECONDS = 3000
"""A read whose answer is lost after this time is not sent again, because the function could end before its record."""
OVER_BUDGET = frozenset({"call_budget_used", "rate_limited"})
"""Problems of a call that ran, but whose grant has too little budget left, because other calls used it meanwhile."""
NOT_SENT = frozenset({"upstream_unreached", "call_invalid"})
"""Problems that mean that AWS received nothing of a call."""
THROTTLED = "throttled"
"""The code in the record of a call that AWS refused by throttling. Such a call did not run."""
CALL_WITHIN_SECONDS = 23
"""Sending and masking end within these seconds. The function's last four seconds are for the record (infra)."""
MASKED_BYTES_PER_SECOND = 300_000
"""A masking speed below the slowest that was measured, for texts in which each mask reveals another secret."""


def repeated_answer(context: CallContext, content: str, call: AuthenticatedRequest) -> Response | None:
    """Return the kept answer to a repeated POST, or None if the call was not sent.

    A grant that expired or was released still returns the answer, because the call was made before. A grant that is
    revoked, also by a suspension of its target, returns none. Raises Problem as `repeat` does, and grant_revoked.
    """
    attempt = context.attempt
    if attempt is None or attempt.repeat(content, call.now) is Repeat.SEND:
        return None
    grant = call.own(context.stored_grant) if context.stored_grant else None
    if grant and grant.at(call.now).state is State.REVOKED:
        active_grant(grant, call)
    kept = call.ports.call_store.kept_answer(attempt, call.now)
    if kept is None:
        raise attempt.already_made()
    return Response(200, kept)


def send_call(
    made: GatewayCall, limits: CallLimits, approval: ApprovedUse | None = None, call_id: str = ""
) -> Response:
    """Return AWS's answer to a call that policies allow, or that reviewers approved as `call_id`. Raises Problem."""
    read_only = made.needs.reads and not changes_something(made.modelled.service, made.modelled.operation.name)
    # A reviewed call is sent once, and so its state is kept even if it only reads.
    return _read(made, limits) if read_only and not call_id else _change(made, limits, approval, call_id)


def _read(made: GatewayCall, limits: CallLimits) -> Response:
    """Make a call that only reads. It may be repeated, so no state of it is kept."""
    use = BudgetUse(made.grant.id, limits, calls=1)
    with made.authenticated.counting_refusals(AuditEvent.CALL):
        made.context.budget.require_left(use, made.authenticated.now)
        credentials = reads_session(made)
    shown = recorded_call(made, credentials)
    call_id, answer, masked = _read_answer(made, shown, credentials, use)
    facts = answer_facts(answer, masked)
    if facts.aws_request_id:
        call_id = read_call_id(credentials.access_key_id, facts.aws_request_id)
    use = use._replace(bytes_out=facts.bytes_out)
    finish_read(made, call_id, shown, use, Outcome.ANSWERED, answer=facts)
    return _response(made, call_id, masked, facts, use)


def _read_answer(
    made: GatewayCall, shown: RecordedCall, credentials: Credentials, use: BudgetUse
) -> tuple[str, AwsAnswer, MaskedAnswer]:
    """Return a new call id, and AWS's answer before and after masking. Raises Problem.

    Each attempt without an answer is recorded as a separate call, because CloudTrail may have an event of it.
    """
    ports = made.authenticated.ports
    started = ports.stopwatch()
    for left in reversed(range(READ_ATTEMPTS)):
        call_id = ports.new_id("c")
        try:
            return call_id, *_answered(made, call_id, credentials)
        except Problem as problem:
            finish_read(made, call_id, shown, use, Outcome.FAILED, code=problem.code)
            late = ports.stopwatch() - started > REPEAT_WITHIN_MILLISECONDS
            if problem.code != "call_may_have_run" or late or not left:
                raise
    raise AssertionError("the last attempt returns or raises")


def finish_read(
    made: GatewayCall,
    call_id: str,
    shown: RecordedCall,
    use: BudgetUse,
    outcome: Outcome,
    *,
    code: str = "",
    answer: AnswerFacts | None = None,
) -> None:
    """Write the single record of a call that only reads, with the budget that it used.

    If the grant has too little budget left, the call is recorded as failed and not counted, and its problem is raised.
    """
    call = made.authenticated
    record = record_of(made, shown, outcome, code=code, answer=answer, first=True)
    try:
        call.ports.call_store.finish(None, chain_record(record, call_id), use, now=call.now)
    except Problem as problem:
        if problem.code not in OVER_BUDGET:
            raise
        failed = record_of(made, shown, Outcome.FAILED, code=problem.code, answer=answer, first=True)
        uncounted = use._replace(limits=NO_CALL_LIMITS)
        call.ports.call_store.finish(None, chain_record(failed, call_id), uncounted, now=call.now)
        raise


def _change(made: GatewayCall, limits: CallLimits, approval: ApprovedUse | None, call_id: str) -> Response:
    """Make a call that may change something: on record first, in a session of its own, and once at most."""
    sending = begin_change(made, limits, approval, call_id)
    try:
        credentials = call_session(made, sending.attempt.call_id)
    except Problem as problem:
        finish_change(made, sending, sending.attempt.not_sent(), Outcome.FAILED, code=problem.code)
        raise
    sending = replace(sending, shown=replace(sending.shown, access_key_id=credentials.access_key_id))
    try:
        answer, masked = _answered(made, sending.attempt.call_id, credentials)
    except Problem as problem:
        after = _after_failure(sending.attempt, problem)
        finish_change(made, sending, after, Outcome.FAILED, code=problem.code)
        raise _with_call(problem, sending.attempt.call_id) from problem
    facts = answer_facts(answer, masked)
    if is_throttled(answer, made.modelled.protocol):
        finish_change(made, sending, sending.attempt.not_sent(), Outcome.FAILED, code=THROTTLED, answer=facts)
        return _response(made, sending.attempt.call_id, masked, facts, sending.use._replace(calls=0, items_deleted=0))
    response = _response(made, sending.attempt.call_id, masked, facts, sending.use)
    kept = answer_to_keep(response.body, revealed=made.grant.reveal)
    until = made.authenticated.now + KEPT_SECONDS if kept is not None else 0
    after = sending.attempt.answered(facts.status, facts.aws_request_id, until)
    finish_change(made, sending, after, Outcome.ANSWERED, answer=facts, kept=kept)
    return response


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call on record as sent: its state, its form in records, its budget use, and its place for calls in flight."""

    attempt: CallAttempt
    shown: RecordedCall
    use: BudgetUse
    place: int | None


def begin_change(made: GatewayCall, limits: CallLimits, approval: ApprovedUse | None, call_id: str) -> SentCall:
    """Write that the call is being sent, unless another execution is sending it."""
    call, modelled = made.authenticated, made.modelled
    if known := made.context.attempt:
        attempt = known.again(call.now)
    else:
        named = (modelled.service, modelled.operation.name, modelled.region)
        new = call_id or call.ports.new_id("c")
        attempt = new_attempt(new, made.grant.id, call.principal.owner_key, made.key, made.content, named, call.now)
    shown = recorded_call(made, None)
    attempt, record = recorded(attempt, record_of(made, shown, Outcome.SENT, first=not attempt.records))
    use = BudgetUse(
        made.grant.id,
        limits,
        calls=1,
        items_deleted=items_deleted(modelled.service, modelled.operation.name, modelled.parameters),
        lease_for=attempt.call_id,
    )
    with call.counting_refusals(AuditEvent.CALL):
        try:
            place = call.ports.call_store.begin(attempt, record, use, made.context.budget, approval, now=call.now)
        except StaleWrite as stale:
            raise in_progress(attempt.call_id) from stale
    return SentCall(attempt, shown, use, place)


def finish_change(
    made: GatewayCall,
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
    call, end = made.authenticated, BudgetUse(made.grant.id, sending.use.limits, ends_lease=sending.place)
    use = sending.use.undone(sending.place) if after.state is CallState.NOT_SENT else end
    use = use._replace(bytes_out=answer.bytes_out if answer else 0)
    attempt, record = recorded(after, record_of(made, sending.shown, outcome, code=code, answer=answer, first=False))
    try:
        call.ports.call_store.finish(attempt, record, use, kept, now=call.now)
    except Problem as problem:
        if problem.code not in OVER_BUDGET:
            raise
        without = replace(after, answer_until=0)
        refused = record_of(made, sending.shown, outcome, code=problem.code, answer=answer, first=False)
        attempt, record = recorded(without, refused)
        call.ports.call_store.finish(attempt, record, end, now=call.now)
        raise


def _after_failure(attempt: CallAttempt, problem: Problem) -> CallAttempt:
    """Return the call after `problem`. If AWS received nothing, it may be sent again."""
    return attempt.not_sent() if problem.code in NOT_SENT else attempt.lost()


def _answered(made: GatewayCall, call_id: str, credentials: Credentials) -> tuple[AwsAnswer, MaskedAnswer]:
    """Send the call once, early enough for its record, and return AWS's answer before and after masking.

    Raises Problem.
    """
    ports = made.authenticated.ports
    if (left := _seconds_left(made)) < 1:
        raise Problem("upstream_unreached", "No time was left, so the call did not run.", "Repeat the call.")
    answer = ports.aws_calls.send(made.modelled, call_id, credentials, left)
    if most_masked_bytes(answer) > _seconds_left(made) * MASKED_BYTES_PER_SECOND:
        detail = f"The call ran. AWS answered too late to mask {len(answer.body)} bytes."
        raise Problem("answer_unmaskable", detail, "Ask for less in one call, such as a page or a range.")
    masked = _masked(made, answer)
    if not is_carried(masked.body):
        detail = f"The call ran. Its answer has {len(masked.body)} bytes, more than the gateway can return."
        raise Problem("answer_unmaskable", detail, "Ask for less in one call, such as a page or a range.")
    return answer, masked


def _masked(made: GatewayCall, answer: AwsAnswer) -> MaskedAnswer:
    """Return the answer without its secrets. A fault of the masker is a Problem, too, so that the call is on record."""
    ports = made.authenticated.ports
    tags = MaskTags(lambda: ports.mask_keys.of(made.grant.owner_key))
    try:
        return ports.answer_masker.mask(answer, made.modelled.operation, tags, reveal=made.grant.reveal)
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - AWS ran the call, so it has to be on record
        log_unhandled(error)
        detail = "The call ran. Jitney failed to mask its answer."
        fix = "Give the request id to your platform engineer. If you need the answer, request credentials for the call."
        raise Problem("internal", detail, fix) from None


def _seconds_left(made: GatewayCall) -> int:
    return CALL_WITHIN_SECONDS - (made.authenticated.ports.now() - made.authenticated.now)


def _with_call(problem: Problem, call_id: str) -> Problem:
    return Problem(problem.code, problem.detail, problem.fix, {**problem.extras, "call_id": call_id}, problem.headers)


def _response(made: GatewayCall, call_id: str, masked: MaskedAnswer, facts: AnswerFacts, use: BudgetUse) -> Response:
    """Return the answer of the route."""
    text = body_text(masked.body)
    body: dict[str, Any] = {
        "call_id": call_id,
        "grant_id": made.grant.id,
        "status": masked.status,
        "headers": dict(masked.headers),
        "body": base64.b64encode(masked.body).decode() if text is None else text,
        "body_encoding": "base64" if text is None else "text",
        "masked": list(masked.masked),
        "request_id": facts.aws_request_id,
        "budget": made.context.budget.after(use, None, made.authenticated.now).left(use.limits),
    }
    return Response(200, body)
