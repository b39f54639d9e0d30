"""Break-glass: who may take a request without its reviewers, and who looks at it afterwards (row REV 8). Pure.

Breaking the glass stands in the place of approvals and of nothing else: what policy forbids with all approvals there
are, it forbids here too. Policies see it as one more approval, `BREAK_GLASS`, so that they can forbid it.
"""

from collections.abc import Collection
from dataclasses import replace

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.grant import Grant, State
from jitney.core.config import BREAK_GLASS_APPROVAL, BreakGlassConfig
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.reviewers import Groups, approving_groups, delegates_for, requested_groups, requesters
from jitney.core.review.schedule import next_change_at
from jitney.core.review.votes import activated, narrowed


def may_break_glass(who: Principal, target: str, settings: BreakGlassConfig | None) -> bool:
    """Whether `who` is among those who may break the glass for a target."""
    if settings is None or target not in settings.targets or who.kind != "human" or who.human is not None:
        return False
    return who.source_identity in settings.people or bool(who.groups & set(settings.groups))


def activated_by_break_glass(
    grant: Grant,
    who: Principal,
    reason: str,
    shown: str,
    settings: BreakGlassConfig | None,
    owed: Collection[str],
    now: int,
) -> Grant:
    """The pending grant, active for no longer than the cap, by `who`, who was shown what has the hash `shown`.

    `owed` are the sort of `debtors` for whom another use waits to be looked at. Policy has still to allow it. Raises
    Problem: break_glass_not_allowed, own_request, request_invalid, review_ended, review_changed, follow_up_due.
    """
    if settings is None or not may_break_glass(who, grant.target, settings):
        fix = "Wait for the reviewers; your platform engineer says who may break the glass."
        raise Problem("break_glass_not_allowed", "You may not break the glass for this.", fix)
    if who.source_identity in requesters(grant) and not settings.own_requests:
        raise Problem("own_request", "This is your own request.", "Somebody else has to break the glass for it.")
    if not reason:
        raise Problem("request_invalid", "There is no reason.", "Go back, and say why it cannot wait.")
    current = grant.at(now)
    if current.state is not State.PENDING:
        detail = f"The request is {current.state} by now."
        raise Problem("review_ended", detail, "Nothing is left to decide.", {"grant": current.view()})
    if shown != content_hash(grant):
        raise Problem("review_changed", "The request is not what you were shown.", "Read it again.")
    if set(follow_up_keys(grant, who.source_identity)) & set(owed):
        detail = "Another use of break-glass, by you or for this agent, waits to be looked at."
        raise Problem("follow_up_due", detail, "Ask its reviewers to confirm it or to object; then try again.")
    less = narrowed(grant, grant.permissions, min(grant.duration_seconds, settings.max_duration_seconds))
    glass = BreakGlassUse(
        who.source_identity,
        reason,
        content_hash(less),
        next_change_at(grant, now),
        now + settings.follow_up_seconds,
        settings.notify,
    )
    return activated(replace(less, break_glass=glass), now)


def follow_up_keys(grant: Grant, human: str) -> tuple[str, str]:
    """Who owes that somebody looks at it: until then neither the person nor the agent breaks the glass again."""
    return f"HUMAN#{human}", f"AGENT#{grant.principal}"


def break_glass_approvals(grant: Grant, groups: Collection[str], settings: BreakGlassConfig | None) -> frozenset[str]:
    """The approvals that a broken glass stands for: all there are, for exactly this grant; none if it does not hold.

    Asked again whenever credentials are issued, with the configuration of then. Where people are named there and no
    groups, who broke it is still to be one of them; who is in a group only their token says, which is gone by then.
    """
    glass = grant.break_glass
    if (
        glass is None
        or settings is None
        or grant.target not in settings.targets
        or (glass.human not in settings.people and not settings.groups)
        or glass.content != content_hash(grant)
        or grant.duration_seconds > settings.max_duration_seconds
        or (glass.human in requesters(grant) and not settings.own_requests)
        or (grant.follow_up is not None and grant.follow_up.judgement is FollowUpVerdict.OBJECT)
    ):
        return frozenset()
    return frozenset(groups) | {BREAK_GLASS_APPROVAL}


def may_follow_up(human: str, grant: Grant, groups: Groups, *, operator: bool) -> bool:
    """Whether somebody may look at a broken glass afterwards: any reviewer, early or late, or an operator.

    Never who broke it, nor who asked, nor who stands in for one of them.
    """
    if grant.break_glass is None or human in involved_people(grant) | delegates_for(involved_people(grant), groups):
        return False
    return operator or human in all_possible_reviewers(grant, groups, involved_people(grant))


def involved_people(grant: Grant) -> frozenset[str]:
    """Who asked for a grant, and who broke the glass for it."""
    return requesters(grant) | ({grant.break_glass.human} if grant.break_glass else set())


def all_possible_reviewers(grant: Grant, groups: Groups, but: frozenset[str] = frozenset()) -> frozenset[str]:
    """All who could ever decide about the grant, told or not, and who stands in for them; without `but` and theirs."""
    reached = {each for group in requested_groups(grant) for each in approving_groups(group, grant, groups)}
    people = {member for each in reached for member in groups[each].members}
    people |= {human for each in reached for human, _ in groups[each].active_delegations}
    return frozenset(people - but - delegates_for(but, groups))


def followed_up(grant: Grant, given: FollowUp) -> Grant:
    """The grant once somebody looked at its broken glass; itself when the same was said before.

    Raises Problem review_ended when there is nothing to look at, or somebody did.
    """
    done = grant.follow_up
    if done and (done.human, done.judgement) == (given.human, given.judgement):
        return grant
    if grant.break_glass is None or done:
        detail = f"{done.human} looked at it before." if done else "No glass was broken here."
        raise Problem("review_ended", detail, "Nothing is left to do.")
    return replace(grant, follow_up=given)
