"""Sends a permitted call, masks its answer, and records both (rows GW 1, GW 5, GW 6 and GW 7).

A call that only reads has one record, before its answer leaves. Any other call has a session of its own, one record
before it is sent, and one before its answer leaves. So no such call is made without a record.
"""

import base64
from dataclasses import replace
from typing import Any

from jitney.adapters.call_store import ApprovedUse, CallContext
from jitney.adapters.error_codes import is_throttled
from jitney.core.access.credentials import Credentials
from jitney.core.access.grant import State
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits
from jitney.core.call_lookup import NOT_RECEIVED, read_call_id
from jitney.core.gateway.answer_masking import most_masked_bytes
from jitney.core.gateway.aws_answer import AwsAnswer, MaskedAnswer
from jitney.core.gateway.budgets import OVER_BUDGET, BudgetUse
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall
from jitney.core.gateway.call_state import CallAttempt, Repeat
from jitney.core.gateway.carried_bodies import body_text, is_carried
from jitney.core.gateway.changing_reads import changes_something
from jitney.core.gateway.kept_answers import KEPT_SECONDS, answer_to_keep
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome, chain_record
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.gateway.call_checks import GatewayCall, require_address
from jitney.handlers.gateway.call_recording import answer_facts, record_of, recorded_call
from jitney.handlers.gateway.call_sessions import call_session, reads_session
from jitney.handlers.gateway.changing_calls import begin_change, finish_change
from jitney.handlers.grant.responses import active_grant
from jitney.handlers.runtime.edge import log_unhandled
from jitney.handlers.runtime.http import Response

READ_ATTEMPTS = 2
"""How often a read is sent. It is sent again if its answer is lost, for example because AWS closed the connection."""
REPEAT_WITHIN_MILLISECONDS = 3000
"""A read whose answer is lost after this time is not sent again, because the function could end before its record."""
THROTTLED = "throttled"
"""The code in the record of a call that AWS refused by throttling. Such a call did not run."""
CALL_WITHIN_SECONDS = 23
"""Sending and masking end within these seconds. The function's last four seconds are for the record (infra)."""
MASKED_BYTES_PER_SECOND = 300_000
"""A masking speed below the slowest that was measured, for texts in which each mask reveals another secret."""


def repeated_answer(context: CallContext, content: str, authenticated: AuthenticatedRequest) -> Response | None:
    """Return the kept answer to a repeated POST, or None if the call was not sent.

    A grant that expired or was released still returns the answer, because the call was made before. A grant that is
    revoked returns none, and a suspended target none for any grant. Raises Problem as `repeat` does, and grant_revoked,
    suspended or address_mismatch.
    """
    attempt = context.attempt
    if attempt is None or attempt.repeat(content, authenticated.now) is Repeat.SEND:
        return None
    grant = authenticated.own(context.stored_grant) if context.stored_grant else None
    if grant and grant.at(authenticated.now).state is State.REVOKED:
        active_grant(grant, authenticated)
    if grant:
        authenticated.suspensions.require_target_unsuspended(grant)
        require_address(grant, authenticated)
    kept = authenticated.ports.call_store.kept_answer(attempt, authenticated.now)
    if kept is None:
        raise attempt.already_made()
    return Response(200, kept)


def send_call(
    gateway_call: GatewayCall, limits: CallLimits, approval: ApprovedUse | None = None, call_id: str = ""
) -> Response:
    """Return AWS's answer to a call that policies allow, or that reviewers approved as `call_id`. Raises Problem."""
    read_only = gateway_call.needs.reads and not changes_something(
        gateway_call.modelled.service, gateway_call.modelled.operation.name
    )
    # A reviewed call is sent once, and so its state is kept even if it only reads.
    return (
        _read(gateway_call, limits) if read_only and not call_id else _change(gateway_call, limits, approval, call_id)
    )


def _read(gateway_call: GatewayCall, limits: CallLimits) -> Response:
    """Make a call that only reads. It may be repeated, so no state of it is kept."""
    use = BudgetUse(gateway_call.grant.id, limits, calls=1)
    with gateway_call.authenticated.counting_refusals(AuditEvent.CALL):
        gateway_call.context.budget.require_left(use, gateway_call.authenticated.now)
        credentials = reads_session(gateway_call)
    shown = recorded_call(gateway_call, credentials)
    call_id, answer, masked = _read_answer(gateway_call, shown, credentials, use)
    facts = answer_facts(answer, masked)
    if facts.aws_request_id:
        call_id = read_call_id(credentials.access_key_id, facts.aws_request_id)
    use = use._replace(bytes_out=facts.bytes_out)
    finish_read(gateway_call, call_id, shown, use, Outcome.ANSWERED, answer=facts)
    return _response(gateway_call, call_id, masked, facts, use)


def _read_answer(
    gateway_call: GatewayCall, shown: RecordedCall, credentials: Credentials, use: BudgetUse
) -> tuple[str, AwsAnswer, MaskedAnswer]:
    """Return a new call id, and AWS's answer before and after masking. Raises Problem.

    Each attempt without an answer is recorded as a separate call, because CloudTrail may have an event of it.
    """
    ports = gateway_call.authenticated.ports
    started = ports.stopwatch()
    for left in reversed(range(READ_ATTEMPTS)):
        call_id = ports.new_id("c")
        try:
            return call_id, *_answered(gateway_call, call_id, credentials)
        except Problem as problem:
            finish_read(gateway_call, call_id, shown, use, Outcome.FAILED, code=problem.code)
            late = ports.stopwatch() - started > REPEAT_WITHIN_MILLISECONDS
            if problem.code != "call_may_have_run" or late or not left:
                raise
    raise AssertionError("the last attempt returns or raises")


def finish_read(
    gateway_call: GatewayCall,
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
    authenticated = gateway_call.authenticated
    record = record_of(gateway_call, shown, outcome, code=code, answer=answer, first=True)
    try:
        authenticated.ports.call_store.finish(None, chain_record(record, call_id), use, now=authenticated.now)
    except Problem as problem:
        if problem.code not in OVER_BUDGET:
            raise
        failed = record_of(gateway_call, shown, Outcome.FAILED, code=problem.code, answer=answer, first=True)
        uncounted = use._replace(limits=NO_CALL_LIMITS)
        authenticated.ports.call_store.finish(None, chain_record(failed, call_id), uncounted, now=authenticated.now)
        raise


def _change(gateway_call: GatewayCall, limits: CallLimits, approval: ApprovedUse | None, call_id: str) -> Response:
    """Make a call that may change something: on record first, in a session of its own, and once at most."""
    sending = begin_change(gateway_call, limits, approval, call_id)
    try:
        credentials = call_session(gateway_call, sending.attempt.call_id)
    except Problem as problem:
        finish_change(gateway_call, sending, sending.attempt.not_sent(), Outcome.FAILED, code=problem.code)
        raise
    sending = replace(sending, shown=replace(sending.shown, access_key_id=credentials.access_key_id))
    try:
        answer, masked = _answered(gateway_call, sending.attempt.call_id, credentials)
    except Problem as problem:
        after = _after_failure(sending.attempt, problem)
        finish_change(gateway_call, sending, after, Outcome.FAILED, code=problem.code)
        raise replace(problem, extras={**problem.extras, "call_id": sending.attempt.call_id}) from problem
    facts = answer_facts(answer, masked)
    if is_throttled(answer, gateway_call.modelled.protocol):
        finish_change(gateway_call, sending, sending.attempt.not_sent(), Outcome.FAILED, code=THROTTLED, answer=facts)
        return _response(gateway_call, sending.attempt.call_id, masked, facts, sending.use.of_nothing())
    response = _response(gateway_call, sending.attempt.call_id, masked, facts, sending.use)
    kept = answer_to_keep(response.body, revealed=gateway_call.grant.reveal)
    until = gateway_call.authenticated.now + KEPT_SECONDS if kept is not None else 0
    after = sending.attempt.answered(facts.status, facts.aws_request_id, until)
    finish_change(gateway_call, sending, after, Outcome.ANSWERED, answer=facts, kept=kept)
    return response


def _after_failure(attempt: CallAttempt, problem: Problem) -> CallAttempt:
    """Return the call after `problem`. If AWS received nothing, it may be sent again."""
    return attempt.not_sent() if problem.code in NOT_RECEIVED else attempt.lost()


def _answered(gateway_call: GatewayCall, call_id: str, credentials: Credentials) -> tuple[AwsAnswer, MaskedAnswer]:
    """Send the call once, early enough for its record, and return AWS's answer before and after masking.

    Raises Problem.
    """
    ports = gateway_call.authenticated.ports
    if (left := _seconds_left(gateway_call)) < 1:
        raise Problem("upstream_unreached", "No time was left, so the call did not run.", "Repeat the call.")
    _require_same_windows(gateway_call)
    answer = ports.aws_calls.send(gateway_call.modelled, call_id, credentials, left)
    if most_masked_bytes(answer) > _seconds_left(gateway_call) * MASKED_BYTES_PER_SECOND:
        detail = f"The call ran. AWS answered too late to mask {len(answer.body)} bytes."
        raise Problem("answer_unmaskable", detail, "Ask for less in one call, such as a page or a range.")
    masked = _masked(gateway_call, answer)
    if not is_carried(masked.body):
        detail = f"The call ran. Its answer has {len(masked.body)} bytes, more than the gateway can return."
        raise Problem("answer_unmaskable", detail, "Ask for less in one call, such as a page or a range.")
    return answer, masked


def _require_same_windows(gateway_call: GatewayCall) -> None:
    """Raise Problem if a time window that policies name opened or closed after the decision about the call."""
    authenticated, ports = gateway_call.authenticated, gateway_call.authenticated.ports
    named, moments = ports.policies.time_windows, (authenticated.now, ports.now())
    decided, present = (WindowTimes.at(ports.config.time_windows, each).during(0, named) for each in moments)
    if decided != present:
        detail = "A time window of the policies opened or closed meanwhile, so the call did not run."
        raise Problem("upstream_unreached", detail, "Repeat the call. Policies then decide about it again.")


def _masked(gateway_call: GatewayCall, answer: AwsAnswer) -> MaskedAnswer:
    """Return the answer without its secrets. A fault of the masker is a Problem, too, so that the call is on record."""
    ports = gateway_call.authenticated.ports
    tags = MaskTags(lambda: ports.mask_keys.of(gateway_call.grant.owner_key))
    try:
        return ports.answer_masker.mask(answer, gateway_call.modelled.operation, tags, reveal=gateway_call.grant.reveal)
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - AWS ran the call, so it has to be on record
        log_unhandled(error)
        detail = "The call ran. Jitney failed to mask its answer."
        again = "If you need the answer, request credentials for the call."
        fix = f"Give the header x-amzn-RequestId of this answer to your platform engineer. {again}"
        raise Problem("internal", detail, fix) from None


def _seconds_left(gateway_call: GatewayCall) -> int:
    return CALL_WITHIN_SECONDS - (gateway_call.authenticated.ports.now() - gateway_call.authenticated.now)


def _response(
    gateway_call: GatewayCall, call_id: str, masked: MaskedAnswer, facts: AnswerFacts, use: BudgetUse
) -> Response:
    """Return the answer of the route."""
    text = body_text(masked.body)
    body: dict[str, Any] = {
        "call_id": call_id,
        "grant_id": gateway_call.grant.id,
        "status": masked.status,
        "headers": dict(masked.headers),
        "body": base64.b64encode(masked.body).decode() if text is None else text,
        "body_encoding": "base64" if text is None else "text",
        "masked": list(masked.masked),
        "request_id": facts.aws_request_id,
        "budget": budget_left(gateway_call, use),
    }
    return Response(200, body)


def budget_left(gateway_call: GatewayCall, use: BudgetUse) -> dict[str, Any]:
    """Return what is left of each limit after a call with this use, as answers show it."""
    return gateway_call.context.budget.after(use, None, gateway_call.authenticated.now).left(use.limits)
