"""The review of one gateway call: the grant that it opens, and its single use (row REV 16).

The raw parameters are not stored. The agent repeats its POST with the same Idempotency-Key. The key finds the approved
call, and the keyed hash of the parameters shows that the call is the one that reviewers saw.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from jitney.adapters.call_store import ApprovedUse
from jitney.adapters.transactions import Conflict
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State
from jitney.core.access.id_ranges import dated_id
from jitney.core.access.new_grant import open_call_grant
from jitney.core.access.request import permissions_view
from jitney.core.access.reviewed_call import MOST_PARAMETER_BYTES, ReviewedCall, call_id_of
from jitney.core.gateway.call_records import approvals_detail
from jitney.core.gateway.call_state import SENDING_SECONDS, CallAttempt, CallState, in_progress, key_reused
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.quotas import (
    SingleUseKey,
    idempotency_record,
    repeated_grant_id,
    review_quota,
)
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.records.record_texts import canonical
from jitney.core.times import iso
from jitney.handlers.access.review_queue import added, pending_list, unless_rejected_before
from jitney.handlers.access.review_starts import start_review
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.grant_updates import PATIENT, RecordedGrant, write_new_grant, write_until_current
from jitney.handlers.grant.issuance import approvals_of, target_of
from jitney.handlers.grant.responses import (
    active_grant,
    deciding_policies,
    denied_call_problem,
    grant_response,
    too_many_reviews_problem,
)
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.http import Response

START_AGAIN_SECONDS = 60
"""Within this time, a repeated POST starts a review that could not be started before.

The time is limited because agents repeat the POST while they wait. After it, the reconciler starts the review.
"""


Trial: TypeAlias = Callable[[Grant], Mapping[str, Any]]
"""Takes the pending grant of a call, and returns members for its record. Raises Problem if it could never be sent."""


class CallPost(NamedTuple):
    """The POST of a reviewed call: its Idempotency-Key, and the earlier attempt at the call under this key.

    `changed` says what differs from a rejected call. `trial` runs before a new review. The agent can use the call's
    ticket for `ticket_seconds`.
    """

    key: str
    attempt: CallAttempt | None
    changed: MaskedComment
    trial: Trial
    ticket_seconds: int


class ApprovedCall(NamedTuple):
    """A call that may be sent now, under this id. The transaction before the call has to write `use`.

    `use` is None if the approval was used already, for an attempt that AWS did not receive. `approvals` are those of
    the call that are valid now.
    """

    call_id: str
    use: ApprovedUse | None
    approvals: frozenset[str]


def review_call(
    call: ReviewedCall, parent: Grant, decision: Decision, post: CallPost, authenticated: AuthenticatedRequest
) -> Response | ApprovedCall:
    """Return 202 while the call is under review, and the approved call once it may be sent.

    `decision` is the decision on the call without approvals: a review. Raises Problem: call_too_large,
    idempotency_mismatch, grant_rejected, rejected_before, grant_revoked, grant_released, grant_ended, denied,
    call_already_made, call_in_progress, too_many_pending, too_many_reviews, and the problems of the trial and of a
    `parent` that is not active.
    """
    active_grant(parent, authenticated)
    stored = authenticated.use_of_key(post.key)
    if stored is None:
        _require_no_other_call(post.attempt)
        try:
            opened = write_until_current(
                lambda: _opened(call, parent, decision, post, authenticated), _conflict, authenticated.ports, PATIENT
            )
            return _pending(opened, authenticated)
        except Conflict:  # the same POST at the same time
            stored = authenticated.use_of_key(post.key)
    child = _child(stored or "", call, authenticated)
    if child.at(authenticated.now).state is State.PENDING:
        if authenticated.now - child.created_at < START_AGAIN_SECONDS:
            start_review(child, authenticated.ports)
        return _pending(child, authenticated)
    return _approved(child, parent, decision, post, authenticated)


def is_still_approved(approved: ApprovedCall, authenticated: AuthenticatedRequest) -> bool:
    """Return whether an approval is still unused after another record was written on the call's grant.

    If so, nothing was sent with it.
    """
    if approved.use is None:
        return False
    current, before = authenticated.ports.store.grant(approved.use.before.id), approved.use.before
    return current is not None and current.state is State.ACTIVE and current.records != before.records


def _opened(
    call: ReviewedCall, parent: Grant, decision: Decision, post: CallPost, authenticated: AuthenticatedRequest
) -> RecordedGrant:
    """Write the pending grant of a call, and start its review. Raises Conflict for a used key, and StaleWrite."""
    ports, now = authenticated.ports, authenticated.now
    if len(call.parameters.encode()) > MOST_PARAMETER_BYTES:
        detail = (
            f"The parameters have more than {MOST_PARAMETER_BYTES} bytes, so that reviewers cannot read all of them."
        )
        fix = "Send less in one call, or send large content as a body. Reviewers see its hash."
        raise Problem("call_too_large", detail, fix, {"limit_bytes": MOST_PARAMETER_BYTES})
    review_ends = now + ports.config.limits.review_seconds
    child_id = dated_id(ports.new_id("g"), ports.now())
    child = open_call_grant(child_id, authenticated.principal, parent, call, decision, review_ends, now)
    try:
        child = unless_rejected_before(child, post.changed, authenticated)
        queued = added(child, pending_list(child, authenticated), authenticated)
        tried = post.trial(child)
    except Problem as problem:
        if authenticated.use_of_key(post.key):  # the same POST at the same time
            raise Conflict(post.key) from problem
        raise
    quota = review_quota(child.unit_key, ports.config.limits.reviews_per_hour, now)
    record = audit.grant_record(
        AuditEvent.REQUEST,
        Outcome.REVIEW,
        child,
        authenticated.origin,
        now,
        **deciding_policies(decision) | {"detail": {**_detail(child, parent, call, decision, authenticated), **tried}},
    )
    try:
        created = write_new_grant(
            child, record, (_single_use(child, call, post.key, now), quota), (queued,), ports, now
        )
    except Conflict as used:
        if used.key != quota.key:
            raise
        raise too_many_reviews_problem(quota, child.unit, now) from used
    start_review(created, ports)
    return created


def _detail(
    child: Grant, parent: Grant, call: ReviewedCall, decision: Decision, authenticated: AuthenticatedRequest
) -> dict[str, Any]:
    inherited = approvals_detail(approvals_of(parent, authenticated))
    detail = {
        "call": {"id": call_id_of(child.id), **call.view(), "mac_key_id": call.mac_key, **inherited},
        "permissions": permissions_view(child.permissions),
        "reviews": child.reviews,
    }
    detail |= {"repeated": child.repeated.view()} if child.repeated else {}
    return detail | audit.way_detail(child) | audit.decision_detail(decision) | authenticated.requester.record_detail()


def _single_use(child: Grant, call: ReviewedCall, key: str, now: int) -> SingleUseKey:
    """Return the single-use key of the POST. It is kept as long as the call may be approved."""
    used = idempotency_record(child.owner_key, key, _content(call), child.id, now)
    return used._replace(expires_at=max(used.expires_at, child.ends_by or 0))


def _content(call: ReviewedCall) -> bytes:
    """Return the content that a repeated POST must share with the first one."""
    return canonical(call.identity).encode()


def _child(stored: str, call: ReviewedCall, authenticated: AuthenticatedRequest) -> Grant:
    """Return the grant that the key opened for exactly this call. It is ended if its parent is. Raises Problem."""
    child_id = repeated_grant_id(stored, _content(call)) if stored else None
    child = authenticated.ports.store.grant(child_id) if child_id else None
    if child is None:
        raise key_reused()
    return under_review(child, authenticated.ports, authenticated.suspensions).grant


def _approved(
    child: Grant, parent: Grant, decision: Decision, post: CallPost, authenticated: AuthenticatedRequest
) -> ApprovedCall:
    """Return the approved call, if policy allows it with the votes that are valid now (REV 3)."""
    now, call_id, attempt = authenticated.now, call_id_of(child.id), post.attempt
    again = child.state is State.USED and _was_not_sent(attempt, call_id)
    if again and now >= child.expires_at:
        raise _approval_ended(child)
    if child.state is State.USED and not again:
        if attempt is None and child.used_at is not None and now < child.used_at + SENDING_SECONDS:
            raise in_progress(call_id)  # the key was read before another execution sent the call
        detail = "The approval covered this call once, and the call was sent."
        fix = "To call again, use a new Idempotency-Key. The call is then reviewed again."
        raise Problem("call_already_made", detail, fix, {"call_id": call_id})
    _require_no_other_call(attempt, call_id)
    if not again:
        active_grant(child, authenticated)
    if decision.permissions != child.permissions:
        raise _void(decision, "The permissions that the call needs have changed since its approval.")
    others = authenticated.other_grants(target_of(child, authenticated.ports.config), parent)
    request = child.as_request(approvals_of(parent, authenticated))
    approvals = approvals_of(child, authenticated)
    decided = authenticated.decide(request, others, approvals, parent, post.ticket_seconds)
    if decided.effect is not Effect.ALLOW:
        raise _void(decided, "The approval no longer counts, because reviewers or policies changed.")
    return ApprovedCall(call_id, None if again else _use(child, authenticated), approvals)


def _require_no_other_call(attempt: CallAttempt | None, call_id: str = "") -> None:
    """Raise Problem if the key belongs to a call that needed no review and was not sent.

    A call has the id of the first attempt with its key. So its records would not be those of the approved call.
    """
    if attempt is not None and attempt.call_id != call_id:
        detail = f"This Idempotency-Key belongs to call {attempt.call_id}, which needed no review and was not sent."
        fix = "Make the call again with a new Idempotency-Key, and it is reviewed."
        raise Problem("idempotency_mismatch", detail, fix, {"call_id": attempt.call_id})


def _was_not_sent(attempt: CallAttempt | None, call_id: str) -> bool:
    return attempt is not None and attempt.call_id == call_id and attempt.state is CallState.NOT_SENT


def _approval_ended(child: Grant) -> Problem:
    """Return the problem of a call that AWS did not receive before its approval ended."""
    detail = f"Call {call_id_of(child.id)} was not sent, and its approval ended at {iso(child.expires_at)}."
    fix = "Make the call with a new Idempotency-Key. It is then reviewed again."
    return Problem("grant_ended", detail, fix, {"grant": child.view()})


def _use(child: Grant, authenticated: AuthenticatedRequest) -> ApprovedUse:
    """Return the change of the grant that uses up its approval."""
    used, detail = child.use(authenticated.now), {"call": {"id": call_id_of(child.id)}}
    record = audit.grant_record(
        AuditEvent.USE, Outcome.SENT, used, authenticated.origin, authenticated.now, detail=detail
    )
    chained = audit.next_chained_record(record, child)
    return ApprovedUse(child, audit.with_chain_head(used, chained), chained)


def _void(decision: Decision, detail: str) -> Problem:
    fix = "Make the call again with a new Idempotency-Key, and it is reviewed again."
    return denied_call_problem(decision, detail, fix)


def _pending(child: Grant, authenticated: AuthenticatedRequest) -> Response:
    """Return 202 with the grant of the call and its review."""
    answer = grant_response(202, child, authenticated)
    call_id = call_id_of(child.id)
    headers = {**answer.headers, "Location": authenticated.url(f"/v1/calls/{call_id}")}
    return Response(202, {"call_id": call_id, **answer.body}, headers)


def _conflict() -> Problem:
    return Problem("grant_conflict", "Your other requests kept changing during this call.", "Repeat the call.")
