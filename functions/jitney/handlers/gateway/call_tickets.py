"""Issues tickets: a call that the agent sends to S3 itself, because its body is too large for a function (row GW 9).

A session for only this call signs the ticket, even for a download. It is on record before it leaves. Jitney does not
see whether the agent used it. So an upload counts as possibly run, and a repeat of its POST is not signed again.
"""

from dataclasses import replace

from jitney.adapters.call_store import ApprovedUse
from jitney.core.access.credentials import Credentials
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import BudgetUse
from jitney.core.gateway.tickets import DirectBody, Ticket, is_upload, require_ticket
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.handlers.gateway.call_checks import GatewayCall
from jitney.handlers.gateway.call_recording import recorded_call
from jitney.handlers.gateway.call_sending import budget_left, finish_read
from jitney.handlers.gateway.call_sessions import call_session
from jitney.handlers.gateway.changing_calls import begin_change, finish_change
from jitney.handlers.runtime.http import Response


def require_transferable(gateway_call: GatewayCall, limits: CallLimits) -> None:
    """Raise and count a Problem for a call with `direct` that cannot have a ticket."""
    if gateway_call.call_request.direct is None:
        return
    modelled = gateway_call.modelled
    with gateway_call.authenticated.counting_refusals(AuditEvent.CALL):
        require_ticket(
            modelled.service,
            modelled.operation.name,
            modelled.parameters,
            gateway_call.call_request.direct,
            gateway_call.grant,
            limits,
        )


def issue_ticket(
    gateway_call: GatewayCall, limits: CallLimits, approval: ApprovedUse | None = None, call_id: str = ""
) -> Response:
    """Return the ticket of a call that policies allow, or that reviewers approved as `call_id`. Raises Problem."""
    changes = is_upload(gateway_call.modelled.operation.name) or bool(call_id)
    return _of_change(gateway_call, limits, approval, call_id) if changes else _of_read(gateway_call, limits)


def _of_read(gateway_call: GatewayCall, limits: CallLimits) -> Response:
    authenticated, use = gateway_call.authenticated, BudgetUse(gateway_call.grant.id, limits, calls=1)
    call_id = authenticated.ports.new_id("c")
    with authenticated.counting_refusals(AuditEvent.CALL):
        gateway_call.context.budget.require_left(use, authenticated.now)
        credentials = call_session(gateway_call, call_id)
    ticket = _ticket(gateway_call, call_id, credentials)
    finish_read(gateway_call, call_id, recorded_call(gateway_call, credentials), use, Outcome.SENT)
    return _response(gateway_call, call_id, ticket, use)


def _of_change(gateway_call: GatewayCall, limits: CallLimits, approval: ApprovedUse | None, call_id: str) -> Response:
    sending = begin_change(gateway_call, limits, approval, call_id)
    sent_as = sending.attempt.call_id
    try:
        credentials = call_session(gateway_call, sent_as)
        ticket = _ticket(gateway_call, sent_as, credentials)
    except Problem as problem:
        finish_change(gateway_call, sending, sending.attempt.not_sent(), Outcome.FAILED, code=problem.code)
        raise
    sending = replace(sending, shown=replace(sending.shown, access_key_id=credentials.access_key_id))
    finish_change(gateway_call, sending, sending.attempt.lost(), Outcome.SENT)
    return _response(gateway_call, sent_as, ticket, sending.use)


def _ticket(gateway_call: GatewayCall, call_id: str, credentials: Credentials) -> Ticket:
    body = gateway_call.call_request.direct or DirectBody()
    return gateway_call.authenticated.ports.aws_calls.ticket(gateway_call.modelled, body, call_id, credentials)


def _response(gateway_call: GatewayCall, call_id: str, ticket: Ticket, use: BudgetUse) -> Response:
    body = {"call_id": call_id, "grant_id": gateway_call.grant.id, "ticket": ticket.view()}
    return Response(200, body | {"budget": budget_left(gateway_call, use)})
