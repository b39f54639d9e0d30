"""POST /reviews/{id}/break-glass and /reviews/{id}/follow-up: emergency access and its review (REV 8).

`handlers.votes` serves the first route. `handlers.revocations` serves the second route, because an objection revokes
the grant.
"""

from jitney.core.access.break_glass import FollowUp, FollowUpVerdict
from jitney.core.access.decision import Effect
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import permissions_view
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.review.break_glass import (
    activated_by_break_glass,
    break_glass_approvals,
    capped_by_break_glass,
    followed_up,
    may_follow_up,
)
from jitney.core.times import iso
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.grant.responses import deciding_policies
from jitney.handlers.pages.second_step import second_step
from jitney.handlers.pages.visits import FormVisit, Page
from jitney.handlers.review.ballots import decision_on
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.review_sheet import present_decision
from jitney.handlers.review.under_review import under_review
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports

OUTCOMES = {FollowUpVerdict.CONFIRM: Outcome.CONFIRMED, FollowUpVerdict.OBJECT: Outcome.OBJECTED}


def break_glass(visit: FormVisit) -> Page:
    """Activate and record the request, and return 303 to it. The workflow notifies the reviewers.

    Before the second step is confirmed, nothing is activated, and the answer is 200 with that step. A repeat by
    the same person activates nothing, but resumes the workflow: the first call may have failed before it did so.

    Raises the problems of `core.review.break_glass.activated_by_break_glass`, grant_not_found, and denied if policy
    denies the request even with break-glass. Refusals are counted in the records.
    """
    ports = visit.ports
    with visit.authenticated.counting_refusals(AuditEvent.BREAK_GLASS):
        grant = visit.stored_grant()
    reason = _masked_field(visit, grant, "reason")
    try:
        update = _activated_by_break_glass(grant, reason, visit)
        if page := second_step(update.grant if update else grant, visit, "break-glass", reason):
            return page
        after = update_grant(grant, lambda before: _activated_by_break_glass(before, reason, visit), ports)
    except Problem as problem:
        visit.authenticated.count_refusal(problem.code, AuditEvent.BREAK_GLASS, grant.id)
        raise
    resume_workflow(after, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def policies_permit_break_glass(pending: Grant, ports: Ports) -> bool:
    """Return whether policies would let break-glass grant a pending request now. Raises Problem when a store fails."""
    settings, review = ports.config.break_glass, under_review(pending, ports, ports.suspensions.current())
    if settings is None:
        return False
    capped = review.with_grant(capped_by_break_glass(review.grant, settings))
    decision = present_decision(capped, ports, {*ports.config.reviewers, BREAK_GLASS_APPROVAL})
    return not isinstance(decision, Problem) and decision.effect is Effect.ALLOW


def _activated_by_break_glass(before: Grant, reason: MaskedComment, visit: FormVisit) -> GrantUpdate | None:
    """Return the update that activates the grant, or None if the person activated it before."""
    ports = visit.ports
    review = under_review(before, ports, ports.suspensions.current())
    # A use of this request that was just stored is no earlier use. The write below then finds the request changed.
    outstanding = {key for key, of_grant in ports.follow_ups.outstanding().items() if of_grant != before.id}
    after = activated_by_break_glass(review, visit.principal, reason, visit.form("content"), outstanding, ports.now())
    if after is review.grant:
        return None
    activated = review.with_grant(after)
    decision = decision_on(activated, break_glass_approvals(activated, ports.config.reviewers), ports)
    if decision.effect is not Effect.ALLOW or after.break_glass is None:
        policies = ", ".join(each.policy for each in decision.reasons)
        detail = f"Policy denies the request, even with all approvals and break-glass: {policies}."
        raise Problem("denied", detail, "Change the request, or ask your platform engineer to change the policy.")
    members = {
        "by": after.break_glass.human.name,
        "reason": reason,
        "content": after.break_glass.content,
        "permissions": permissions_view(after.permissions),
        "requested_seconds": before.duration_seconds,
        "follow_up_due_at": iso(after.break_glass.due_at),
    }
    origin, details = visit.request.origin, deciding_policies(decision) | {"detail": members}
    record = audit.grant_record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, after, origin, ports.now(), **details)
    return GrantUpdate(after, record)


def follow_up(visit: FormVisit) -> Page:
    """Record the follow-up review, and return 303 to the request. An objection revokes the grant first.

    Raises Problem: own_request, not_reviewer, request_invalid, review_ended, grant_not_found, or a problem of
    `jitney.handlers.ending.grant_ends.end_grant`. After a problem of `end_grant`, the reviewer can try again.
    """
    ports = visit.ports
    with visit.authenticated.counting_refusals(AuditEvent.FOLLOW_UP):
        grant = visit.stored_grant()
    try:
        given = _given(visit, grant)
        followed_up(grant, given)
    except Problem as problem:
        visit.authenticated.count_refusal(problem.code, AuditEvent.FOLLOW_UP, grant.id)
        raise
    if given.judgement is FollowUpVerdict.OBJECT:
        from jitney.handlers.ending.grant_ends import end_grant  # noqa: PLC0415 - a confirmation revokes nothing

        grant = end_grant(grant, State.REVOKED, f"objected to break-glass: {given.comment}", visit.authenticated)

    def step(before: Grant) -> GrantUpdate | None:
        after = followed_up(before, given)
        if after is before:
            return None
        detail = {"by": given.human.name, "comment": given.comment}
        origin, outcome = visit.request.origin, OUTCOMES[given.judgement]
        record = audit.grant_record(AuditEvent.FOLLOW_UP, outcome, after, origin, ports.now(), detail=detail)
        return GrantUpdate(after, record)

    with visit.authenticated.counting_refusals(AuditEvent.FOLLOW_UP):
        after = update_grant(grant, step, ports)  # another person's review may have come first
    resume_workflow(after, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _given(visit: FormVisit, grant: Grant) -> FollowUp:
    who, config = visit.principal, visit.ports.config
    if grant.break_glass and who.identity == grant.break_glass.human:
        raise Problem(
            "own_request", "You used break-glass here yourself.", "Ask another person for the follow-up review."
        )
    operator = bool(who.groups & set(config.operators))
    review = under_review(grant, visit.ports, visit.suspensions)
    groups = current_reviewers(visit.ports, visit.suspensions)
    if grant.break_glass and not may_follow_up(who.source_identity, review, groups, operator=operator):
        fix = "Ask one of the request's reviewers, or an operator."
        raise Problem("not_reviewer", "You may not do the follow-up review of this request.", fix)
    verdict, comment = visit.form("judgement"), _masked_field(visit, grant, "comment")
    if verdict not in set(FollowUpVerdict) or not comment:
        fix = "Choose Confirm or Object, and say why in a few words."
        raise Problem("request_invalid", "The verdict or the comment is missing.", fix)
    return FollowUp(who.identity, FollowUpVerdict(verdict), comment, visit.ports.now())


def _masked_field(visit: FormVisit, grant: Grant, name: str) -> MaskedComment:
    return visit.ports.masked_comment(visit.form(name), grant.owner_key)
