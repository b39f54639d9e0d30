"""POST /reviews/{id}/break-glass and /reviews/{id}/follow-up: a request without its reviewers, and after (REV 8).

The former is served by `handlers.votes`, the latter by `handlers.revocations`: an objection takes the grant back.
"""

from jitney.core import audit
from jitney.core.access.break_glass import FollowUp, FollowUpVerdict
from jitney.core.access.grant import Grant, State
from jitney.core.access.request_body import MAX_REASON
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.policy.decision import Effect
from jitney.core.problems import Problem
from jitney.core.review.break_glass import activated_by_break_glass, break_glass_approvals, followed_up, may_follow_up
from jitney.core.review.reviewers import with_current_owners
from jitney.core.review.safe_text import cut
from jitney.core.times import iso
from jitney.handlers.ballots import decision_on
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.grant_updates import GrantUpdate, update_grant
from jitney.handlers.pages import Page, Visit
from jitney.handlers.responses import deciding_policies
from jitney.handlers.workflow import resume_workflow

OUTCOMES = {FollowUpVerdict.CONFIRM: Outcome.CONFIRMED, FollowUpVerdict.OBJECT: Outcome.OBJECTED}


def break_glass(visit: Visit) -> Page:
    """303 to the request, which is active now, once that is on record; its workflow tells everybody.

    Raises Problem as `core.review.break_glass.activated_by_break_glass`, denied where policy forbids it, grant_not_found or form_token_invalid; what
    is refused is on record too.
    """
    visit.require_form()
    grant, ports = _grant(visit), visit.ports
    reason = _masked_field(visit, grant, "reason")

    def step(before: Grant) -> GrantUpdate:
        return _activated_by_break_glass(before, reason, visit)

    try:
        after = update_grant(grant, step, ports)
    except Problem as problem:
        _record_refusal(AuditEvent.BREAK_GLASS, grant, problem, visit)
        raise
    resume_workflow(after, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _activated_by_break_glass(before: Grant, reason: str, visit: Visit) -> GrantUpdate:
    ports, settings = visit.ports, visit.ports.config.break_glass
    owed = ports.follow_ups.outstanding()
    before = with_current_owners(before, ports.config)  # it may have been read again
    after = activated_by_break_glass(
        before, visit.principal, reason, visit.form("content"), settings, owed, ports.now()
    )
    decision = decision_on(after, break_glass_approvals(after, ports.config.reviewers, settings), ports)
    if decision.effect is not Effect.ALLOW or after.break_glass is None:
        policies = ", ".join(each.policy for each in decision.reasons)
        refusal = f"Policy does not allow it, not even with all approvals and the glass broken: {policies}."
        raise Problem("denied", refusal, "It takes another request, or another policy.")
    detail = {
        "by": after.break_glass.human,
        "reason": reason,
        "content": after.break_glass.content,
        "requested_seconds": before.duration_seconds,
        "follow_up_due_at": iso(after.break_glass.due_at),
    }
    record = audit.grant_record(
        AuditEvent.BREAK_GLASS,
        Outcome.APPROVED,
        after,
        visit.request.origin,
        ports.now(),
        **deciding_policies(decision) | {"detail": detail},
    )
    return GrantUpdate(after, record)


def follow_up(visit: Visit) -> Page:
    """303 to the request, once what was said of its broken glass is on record; an objection has taken it back before.

    Raises Problem: not_reviewer, request_invalid, review_ended, grant_not_found, form_token_invalid, or as
    `jitney.handlers.grant_ends.end_grant`, and then it can be said again.
    """
    visit.require_form()
    grant, ports = _grant(visit), visit.ports
    try:
        given = _given(visit, grant)
        followed_up(grant, given)
    except Problem as problem:
        _record_refusal(AuditEvent.FOLLOW_UP, grant, problem, visit)
        raise
    if given.judgement is FollowUpVerdict.OBJECT:
        from jitney.handlers.grant_ends import end_grant  # noqa: PLC0415 - of who says yes nothing is taken back

        grant = end_grant(grant, State.REVOKED, f"objected to breaking the glass: {given.comment}", visit.call)

    def step(before: Grant) -> GrantUpdate | None:
        after = followed_up(before, given)
        if after is before:
            return None
        detail = {"by": given.human, "comment": given.comment}
        origin = visit.request.origin
        record = audit.grant_record(
            AuditEvent.FOLLOW_UP, OUTCOMES[given.judgement], after, origin, ports.now(), detail=detail
        )
        return GrantUpdate(after, record)

    resume_workflow(update_grant(grant, step, ports), ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _given(visit: Visit, grant: Grant) -> FollowUp:
    who, config = visit.principal, visit.ports.config
    if grant.break_glass and who.source_identity == grant.break_glass.human:
        raise Problem("own_request", "You broke this glass yourself.", "Somebody else has to look at it.")
    operator = bool(who.groups & set(config.operators))
    if grant.break_glass and not may_follow_up(
        who.source_identity, grant, current_reviewers(visit.ports), operator=operator
    ):
        fix = "Its reviewers and the operators can, but for who asked and who broke the glass."
        raise Problem("not_reviewer", "You cannot look at this for others.", fix)
    said, comment = visit.form("judgement"), _masked_field(visit, grant, "comment")
    if said not in set(FollowUpVerdict) or not comment:
        raise Problem("request_invalid", "Something is missing.", "Confirm it or object, and say in a few words why.")
    return FollowUp(who.source_identity, FollowUpVerdict(said), comment, visit.ports.now())


def _grant(visit: Visit) -> Grant:
    grant = visit.ports.store.grant(visit.valid_grant_id) if visit.valid_grant_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    return with_current_owners(grant, visit.ports.config)


def _masked_field(visit: Visit, grant: Grant, name: str) -> str:
    """What somebody wrote, which holds no secret and is not too long."""
    return cut(visit.ports.mask_comment(grant.owner).text(visit.form(name)), MAX_REASON)


def _record_refusal(event: AuditEvent, grant: Grant, problem: Problem, visit: Visit) -> None:
    """In a chain of its own, as a refused vote."""
    visit.call.record(event, Outcome.REFUSED, code=problem.code, detail={"grant": grant.id})
