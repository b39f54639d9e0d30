"""Requests for review: equal ones are joined, and one agent has only so many under review (REV 12).

Loaded on the way to a review only: an allowed request pays nothing for it.
"""

from jitney.adapters.store import Taken
from jitney.core import audit
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import AccessRequest
from jitney.core.audit import Event, Outcome
from jitney.core.once import idempotency, idempotency_key, joins
from jitney.core.policy.decision import Decision
from jitney.core.problems import Problem
from jitney.core.review.pending import Entering
from jitney.handlers.answers import deciding_policies, too_many
from jitney.handlers.callers import Call
from jitney.handlers.ports import Ports


def queue(grant: Grant, key: str, call: Call) -> Grant | Entering:
    """The pending grant that a new one repeats; else what has to be written with the new one.

    Raises Problem too_many_pending; Taken for a POST that was made before, whatever became of it.
    """
    ports, most = call.ports, call.ports.config.limits.max_pending
    read = ports.store.pending(grant.owner)
    before = read.at(call.now)
    for grant_id in before.equal_to(grant):
        if same := _pending(grant_id, ports, call.now):
            return same
    if len(before.entries) >= most:
        ids = [each.grant_id for each in before.entries]
        before = before.without([each for each in ids if _pending(each, ports, call.now) is None])
    if len(before.entries) >= most:
        if key and ports.store.held(idempotency_key(grant.owner, key)):
            raise Taken(key)
        raise _too_many([each.grant_id for each in before.entries], min(each.until for each in before.entries), call)
    return Entering(read, before.entered(grant))


def join(grant: Grant, decision: Decision, key: str, call: Call, asked: AccessRequest) -> None:
    """Record that what is `asked` repeats `grant`; take the keys of its POST. Raises Taken, or Problem rate_limited."""
    quota = joins(grant.owner, call.ports.config.limits.previews_per_minute, call.now)
    onces = (idempotency(grant.owner, key, asked.body, grant.id, call.now),) if key else ()
    target = call.ports.config.targets[asked.target]
    members = audit.asked_members(asked, target, decision) | deciding_policies(decision)
    try:
        call.record(
            Event.REQUEST, Outcome.REVIEW, (quota, *onces, *call.once), code="joined", grant_id=grant.id, **members
        )
    except Taken as taken:
        if taken.key != quota.key:
            raise
        call.count_refusal("rate_limited")
        raise too_many(quota) from taken


def _pending(grant_id: str, ports: Ports, now: int) -> Grant | None:
    grant = ports.store.grant(grant_id)
    return grant if grant and grant.at(now).state is State.PENDING else None


def _too_many(ids: list[str], until: int, call: Call) -> Problem:
    fix = "Wait for their reviewers, or give back what you no longer need with DELETE /v1/grants/{id}; then ask again."
    detail = f"{len(ids)} requests of yours are under review."
    headers = {"Retry-After": str(max(1, min(60, until - call.now)))}
    return Problem("too_many_pending", detail, fix, {"pending": ids}, headers)
