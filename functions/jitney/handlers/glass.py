"""POST /reviews/{id}/break-glass and /reviews/{id}/follow-up: a request without its reviewers, and after (REV 8).

The former is served by `handlers.votes`, the latter by `handlers.revocations`: an objection takes the grant back.
"""

from jitney.core import audit
from jitney.core.access.glass import FollowUp, Judgement
from jitney.core.access.grant import Grant, State
from jitney.core.access.parse import MAX_REASON
from jitney.core.audit import Event, Outcome
from jitney.core.policy.decision import Effect
from jitney.core.problems import Problem
from jitney.core.review.glass import broken, followed_up, glass_approvals, may_follow_up
from jitney.core.review.inert import cut
from jitney.core.review.reviewers import of_now
from jitney.core.times import iso
from jitney.handlers.answers import deciding_policies
from jitney.handlers.at_work import at_work
from jitney.handlers.changing import Step, change
from jitney.handlers.pages import Page, Visit
from jitney.handlers.voting import decision_on
from jitney.handlers.waking import wake

OUTCOMES = {Judgement.CONFIRM: Outcome.CONFIRMED, Judgement.OBJECT: Outcome.OBJECTED}


def break_glass(visit: Visit) -> Page:
    """303 to the request, which is active now, once that is on record; its workflow tells everybody.

    Raises Problem as `core.review.glass.broken`, denied where policy forbids it, grant_not_found or form_refused; what
    is refused is on record too.
    """
    visit.require_form()
    grant, ports = _grant(visit), visit.ports
    reason = _said(visit, grant, "reason")

    def step(before: Grant) -> Step:
        return _broken(before, reason, visit)

    try:
        after = change(grant, step, ports)
    except Problem as problem:
        _record_refusal(Event.BREAK_GLASS, grant, problem, visit)
        raise
    wake(after, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _broken(before: Grant, reason: str, visit: Visit) -> Step:
    ports, settings = visit.ports, visit.ports.config.break_glass
    owed = ports.glasses.owed()
    before = of_now(before, ports.config)  # it may have been read again
    after = broken(before, visit.principal, reason, visit.form("content"), settings, owed, ports.now())
    decision = decision_on(after, glass_approvals(after, ports.config.reviewers, settings), ports)
    if decision.effect is not Effect.ALLOW or after.glass is None:
        policies = ", ".join(each.policy for each in decision.reasons)
        refusal = f"Policy does not allow it, not even with all approvals and the glass broken: {policies}."
        raise Problem("denied", refusal, "It takes another request, or another policy.")
    detail = {
        "by": after.glass.human,
        "reason": reason,
        "content": after.glass.content,
        "asked_seconds": before.duration_seconds,
        "follow_up_until": iso(after.glass.due_at),
    }
    record = audit.of_grant(
        Event.BREAK_GLASS,
        Outcome.APPROVED,
        after,
        visit.request.origin,
        ports.now(),
        **deciding_policies(decision) | {"detail": detail},
    )
    return Step(after, record)


def follow_up(visit: Visit) -> Page:
    """303 to the request, once what was said of its broken glass is on record; an objection has taken it back before.

    Raises Problem: not_reviewer, request_invalid, review_ended, grant_not_found, form_refused, or as
    `jitney.handlers.ending.end`, and then it can be said again.
    """
    visit.require_form()
    grant, ports = _grant(visit), visit.ports
    try:
        given = _given(visit, grant)
        followed_up(grant, given)
    except Problem as problem:
        _record_refusal(Event.FOLLOW_UP, grant, problem, visit)
        raise
    if given.judgement is Judgement.OBJECT:
        from jitney.handlers.ending import end  # noqa: PLC0415 - of who says yes nothing is taken back

        grant = end(grant, State.REVOKED, f"objected to breaking the glass: {given.comment}", visit.call)

    def step(before: Grant) -> Step | None:
        after = followed_up(before, given)
        if after is before:
            return None
        detail = {"by": given.human, "comment": given.comment}
        origin = visit.request.origin
        record = audit.of_grant(Event.FOLLOW_UP, OUTCOMES[given.judgement], after, origin, ports.now(), detail=detail)
        return Step(after, record)

    wake(change(grant, step, ports), ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _given(visit: Visit, grant: Grant) -> FollowUp:
    who, config = visit.principal, visit.ports.config
    if grant.glass and who.source_identity == grant.glass.human:
        raise Problem("own_request", "You broke this glass yourself.", "Somebody else has to look at it.")
    operator = bool(who.groups & set(config.operators))
    if grant.glass and not may_follow_up(who.source_identity, grant, at_work(visit.ports), operator=operator):
        fix = "Its reviewers and the operators can, but for who asked and who broke the glass."
        raise Problem("not_reviewer", "You cannot look at this for others.", fix)
    said, comment = visit.form("judgement"), _said(visit, grant, "comment")
    if said not in set(Judgement) or not comment:
        raise Problem("request_invalid", "Something is missing.", "Confirm it or object, and say in a few words why.")
    return FollowUp(who.source_identity, Judgement(said), comment, visit.ports.now())


def _grant(visit: Visit) -> Grant:
    grant = visit.ports.store.grant(visit.known_id) if visit.known_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    return of_now(grant, visit.ports.config)


def _said(visit: Visit, grant: Grant, name: str) -> str:
    """What somebody wrote, which holds no secret and is not too long."""
    return cut(visit.ports.mask_said(grant.owner).text(visit.form(name)), MAX_REASON)


def _record_refusal(event: Event, grant: Grant, problem: Problem, visit: Visit) -> None:
    """In a chain of its own, as a refused vote."""
    visit.call.record(event, Outcome.REFUSED, code=problem.code, detail={"grant": grant.id})
