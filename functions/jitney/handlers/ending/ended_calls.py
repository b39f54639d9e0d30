"""Records the ends of reviewed calls whose grant has ended before they were sent (row REV 16).

Every route already treats such a call as ended (`core.review.grant_under_review`). The writes put the ends on record,
and end the reviews.
"""

from collections.abc import Iterable

from jitney.core.access.grant import OPEN_STATES, Grant, GrantEnd, State
from jitney.core.access.live_credentials import denial_of
from jitney.core.access.suspensions import Suspensions
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.review.grant_under_review import suspension_that_ended
from jitney.core.times import iso
from jitney.handlers.ending.grant_ends import END_EVENTS
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.review.under_review import under_review
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports


def end_calls(grants: Iterable[Grant], suspensions: Suspensions, ports: Ports) -> int:
    """Write the ends of the open `grants` of calls whose grant has ended. Return how many were written.

    A grant that keeps changing, or whose parent is unreadable, is left to the next run. The end by a suspension is left
    to the step for suspensions. Raises Problem unavailable.
    """
    now, count = ports.now(), 0
    for grant in grants:
        if grant.call is None:
            continue

        def change(before: Grant) -> GrantUpdate | None:
            review = under_review(before, ports, suspensions)
            after = review.grant
            if (
                before.state not in OPEN_STATES
                or after.state in OPEN_STATES
                or suspension_that_ended(before, suspensions, review.parent)
            ):
                return None
            if after.ending is None and before.at(now).state is not State.PENDING:
                return None  # it expires
            event, outcome = END_EVENTS.get(after.state, (AuditEvent.REVIEW, Outcome.FAILED))
            detail = _end_detail(after, after.ending, now) if after.ending else {}
            record = audit.grant_record(event, outcome, after, Origin(), now, code="grant_ended", detail=detail)
            return GrantUpdate(after, record)

        try:
            ended = update_grant(grant, change, ports)
        except Problem as problem:
            if problem.code not in ("grant_conflict", "grant_unreadable", "review_ended"):
                raise
            continue
        if ended.state not in OPEN_STATES:
            count += 1
            if ended.starts_at is None:
                resume_workflow(ended, ports)
    return count


def _end_detail(ended: Grant, ending: GrantEnd, now: int) -> dict[str, str]:
    detail = {"by": ending.by, "reason": ending.reason} | ({"ended_at": iso(ending.at)} if ending.at < now else {})
    return detail | ({"no_denial": str(denial_of(ended))} if ended.starts_at is not None else {})
