"""POST /v1/calls: the gateway makes one call of AWS for an agent, which never holds a key (rows GW 1 to GW 6)."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import Way, permissions_of, permissions_view
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import limits_of
from jitney.core.gateway.call_request import CallRequest, parse_call
from jitney.core.gateway.call_state import content_mac, key_hash
from jitney.core.identity.authenticate import Authenticated
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent
from jitney.handlers.access.grant_requests import idempotency_key_of, request_grant
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import verify_caller
from jitney.handlers.gateway.call_checks import (
    GatewayCall,
    approved_call,
    check_call,
    decided_call,
    explained_call,
)
from jitney.handlers.gateway.call_recording import reviewed_call_of
from jitney.handlers.gateway.call_reviews import CallPost, is_still_approved, review_call
from jitney.handlers.gateway.call_sending import repeated_answer, send_call
from jitney.handlers.gateway.call_tickets import issue_ticket, require_transferable
from jitney.handlers.gateway.call_trials import call_trial
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

APPROVAL_ATTEMPTS = 4
"""How often an approval is read again after another record was written on the call's grant."""
GRANT_SECONDS = 900
"""The duration of a grant that a call requests for itself, within the limits of the configuration.

Reviewers of its call have this time. If they need more, the agent requests a longer grant first.
"""


def create_call(request: Request, ports: Ports) -> Response:
    """200 with AWS's answer, 202 while the call or its grant is under review.

    Raises Problem if the call is malformed, outside its grant or denied, if it may have run, or if its answer cannot be
    masked.
    """
    now = ports.now()
    caller = verify_caller(request, ports, now)
    try:
        key, asked = _required_key(request), parse_call(request.body)
    except Problem as problem:
        _with_current_suspensions(request, ports, now, caller).count_refusal(problem.code, AuditEvent.CALL)
        raise
    owner = caller.principal.owner_key
    content = content_mac(ports.mask_keys.of(owner), asked.canonical())
    if not asked.grant_id:
        requested = _with_grant(asked, key, _with_current_suspensions(request, ports, now, caller))
        if isinstance(requested, Response):
            return requested
        asked = requested
    context = ports.call_store.read(asked.grant_id, owner, key_hash(key), now)
    authenticated = AuthenticatedRequest(request, ports, now, caller, context.suspensions)
    with authenticated.counting_refusals(AuditEvent.CALL):
        authenticated.suspensions.require_unsuspended(authenticated.principal)
        if answer := repeated_answer(context, content, authenticated):
            return answer
    made, decision = decided_call(check_call(authenticated, asked, key_hash(key), content, context))
    limits = limits_of(made.target, decision)
    require_transferable(made, limits)
    if decision.effect is Effect.ALLOW:
        return _make(made)(made, limits)
    return _make_reviewed(made, limits, decision, key)


def _make(gateway_call: GatewayCall) -> Callable[..., Response]:
    return send_call if gateway_call.call_request.direct is None else issue_ticket


def _make_reviewed(gateway_call: GatewayCall, limits: CallLimits, decision: Decision, key: str) -> Response:
    """Make the call once it is approved. Until then, return 202.

    The notice of the decision may be recorded on the call's grant while this function uses the approval. In that case
    nothing was sent, and the approval is read again.
    """
    authenticated, reviewed_call, left = gateway_call.authenticated, reviewed_call_of(gateway_call), APPROVAL_ATTEMPTS
    changed = authenticated.ports.masked_comment(gateway_call.call_request.changed, authenticated.principal.owner_key)
    trial = call_trial(gateway_call, limits)
    post = CallPost(key, gateway_call.context.attempt, changed, trial, gateway_call.ticket_seconds)
    while True:
        left -= 1
        with authenticated.counting_refusals(AuditEvent.CALL):
            reviewed = review_call(reviewed_call, gateway_call.grant, decision, post, authenticated)
        if isinstance(reviewed, Response):
            return reviewed
        try:
            approved = approved_call(gateway_call, reviewed.approvals)
            return _make(approved)(approved, limits, reviewed.use, reviewed.call_id)
        except Problem:
            if not left or not is_still_approved(reviewed, authenticated):
                raise


def _required_key(request: Request) -> str:
    """Return the Idempotency-Key. Raises Problem request_invalid when it is missing or unusable."""
    if key := idempotency_key_of(request):
        return key
    fix = "Send a new UUID with each call, and the same one with each repeat of it."
    raise Problem("request_invalid", "The header Idempotency-Key is missing.", fix, {"parameter": "Idempotency-Key"})


def _with_current_suspensions(request: Request, ports: Ports, now: int, caller: Authenticated) -> AuthenticatedRequest:
    return AuthenticatedRequest(request, ports, now, caller, ports.suspensions.current())


def _with_grant(call_request: CallRequest, key: str, authenticated: AuthenticatedRequest) -> CallRequest | Response:
    """Return the call in the grant of its first attempt. A call without an earlier attempt requests a grant.

    After the first attempt, its grant may have ended, or policies may have changed. A new request would then be
    refused, as if the call had not run.
    """
    earlier = authenticated.ports.call_store.attempt(
        authenticated.principal.owner_key, key_hash(key), authenticated.now
    )
    return replace(call_request, grant_id=earlier.grant_id) if earlier else _request_grant(call_request, authenticated)


def _request_grant(call_request: CallRequest, authenticated: AuthenticatedRequest) -> CallRequest | Response:
    """Return the call in the grant that it requests, or the answer 202 while that grant is under review."""
    limits = authenticated.ports.config.limits
    with authenticated.counting_refusals(AuditEvent.CALL):
        authenticated.suspensions.require_unsuspended(authenticated.principal)
        needed = _needed(call_request, authenticated.ports)
    body = {
        "target": call_request.target,
        **needed,
        "reason": call_request.reason,
        "ticket": call_request.ticket,
        "changed": call_request.changed,
        "duration_seconds": max(limits.min_duration_seconds, min(GRANT_SECONDS, limits.max_duration_seconds)),
        "way": str(Way.GATEWAY),
        "reveal": call_request.reveal,
    }
    text = json.dumps({name: value for name, value in body.items() if value}).encode()
    # The request has a key of its own, because the same POST may also begin the review of its call.
    key = hashlib.sha256(f"the grant of {authenticated.request.headers['idempotency-key']}".encode()).hexdigest()
    headers = {**authenticated.request.headers, "idempotency-key": key}
    answer = request_grant(replace(authenticated, request=replace(authenticated.request, body=text, headers=headers)))
    return replace(call_request, grant_id=answer.body["grant"]["id"]) if answer.status == HTTPStatus.CREATED else answer


def _needed(call_request: CallRequest, ports: Ports) -> dict[str, Any]:
    """Return the permissions that a call requests for its own grant.

    An unknown target is refused later, as in other requests.
    """
    target = ports.config.targets.get(call_request.target)
    if target is None:
        return {"calls": [call_request.as_call()]}
    _, explained = explained_call(call_request, target, ports)
    return {"permissions": permissions_view(permissions_of(explained))}


NEEDS = ("config", "policies", "actions", "explainer", "masks", "keys", "sessions", "call_store", "aws_calls")

handler = endpoint(create_call, NEEDS)
