"""Requests for review: equal ones are joined, and one agent has only so many under review (REV 12).

Loaded on the way to a review only: an allowed request pays nothing for it.
"""

from jitney.adapters.store import Conflict
from jitney.core import audit
from jitney.core.access.decision import Decision
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import AccessRequest
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.problems import Problem
from jitney.core.review.pending import PendingReviewsUpdate
from jitney.core.single_use import idempotency_key, idempotency_record, pending_duplicate_quota
from jitney.handlers.callers import AuthenticatedRequest
from jitney.handlers.ports import Ports
from jitney.handlers.responses import deciding_policies, rate_limited_problem


def queue(grant: Grant, key: str, call: AuthenticatedRequest) -> Grant | PendingReviewsUpdate:
    """The pending grant that a new one repeats; else what has to be written with the new one.

    Raises Problem too_many_pending; Taken for a POST that was made before, whatever became of it.
    """
    ports, most = call.ports, call.ports.config.limits.max_pending
    read = ports.store.pending(grant.owner_key)
    before = read.at(call.now)
    for grant_id in before.equal_to(grant):
        if same := _pending(grant_id, ports, call.now):
            return same
    if len(before.entries) >= most:
        ids = [each.grant_id for each in before.entries]
        before = before.without([each for each in ids if _pending(each, ports, call.now) is None])
    if len(before.entries) >= most:
        if key and ports.store.held(idempotency_key(grant.owner_key, key)):
            raise Conflict(key)
        raise _too_many([each.grant_id for each in before.entries], min(each.until for each in before.entries), call)
    return PendingReviewsUpdate(read, before.entered(grant))


def join(grant: Grant, decision: Decision, key: str, call: AuthenticatedRequest, asked: AccessRequest) -> None:
    """Record that what is `asked` repeats `grant`; take the keys of its POST. Raises Taken, or Problem rate_limited."""
    quota = pending_duplicate_quota(grant.owner_key, call.ports.config.limits.previews_per_minute, call.now)
    onces = (idempotency_record(grant.owner_key, key, asked.body, grant.id, call.now),) if key else ()
    target = call.ports.config.targets[asked.target]
    members = audit.request_members(asked, target, decision) | deciding_policies(decision)
    try:
        call.record(
            AuditEvent.REQUEST, Outcome.REVIEW, (quota, *onces, *call.once), code="joined", grant_id=grant.id, **members
        )
    except Conflict as taken:
        if taken.key != quota.key:
            raise
        call.count_refusal("rate_limited")
        raise rate_limited_problem(quota) from taken


def _pending(grant_id: str, ports: Ports, now: int) -> Grant | None:
    grant = ports.store.grant(grant_id)
    return grant if grant and grant.at(now).state is State.PENDING else None


def _too_many(ids: list[str], until: int, call: AuthenticatedRequest) -> Problem:
    fix = "Wait for their reviewers, or give back what you no longer need with DELETE /v1/grants/{id}; then ask again."
    detail = f"{len(ids)} requests of yours are under review."
    headers = {"Retry-After": str(max(1, min(60, until - call.now)))}
    return Problem("too_many_pending", detail, fix, {"pending": ids}, headers)
