"""Break-glass: who may grant a request without its reviewers, and who does the follow-up review (row REV 8). Pure.

Break-glass replaces approvals and nothing else. A request that policy denies with every approval is denied here too.
Policies see break-glass as one more approval, `BREAK_GLASS_APPROVAL`, so that they can forbid it.
"""

from collections.abc import Collection
from dataclasses import replace

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.grant import Grant, State
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL, BreakGlassConfig
from jitney.core.identity.principal import Principal
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import Groups, approving_groups, delegates_for, requested_groups
from jitney.core.review.schedule import next_change_at
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.votes import activated, narrowed, review_ended
from jitney.core.stored_identity import Identity


def may_break_glass(who: Principal, target: str, settings: BreakGlassConfig | None) -> bool:
    """Return whether `who` may use break-glass on a target."""
    if not settings or target not in settings.targets or who.kind != "human" or who.human is not None:
        return False
    return who.source_identity in settings.people or bool(who.groups & set(settings.groups))


def activated_by_break_glass(
    review: GrantUnderReview, who: Principal, reason: MaskedComment, shown: str, outstanding: Collection[str], now: int
) -> Grant:
    """Return the pending grant, activated by `who` for at most the configured seconds.

    Returns the same grant if `who` activated it before, because the first answer may have been lost.

    `shown` is the content hash of what `who` saw. `outstanding` are the `follow_up_keys` of earlier uses without a
    follow-up review. The caller still has to check policy. Raises Problem: suspended, break_glass_not_allowed,
    own_request, request_invalid, review_ended, review_changed, follow_up_due.
    """
    review.suspensions.require_unsuspended(who)
    grant, settings = review.grant, review.config.break_glass
    if settings is None or not may_break_glass(who, grant.target, settings):
        fix = "Wait for the reviewers, or ask your platform engineer who may use break-glass."
        raise Problem("break_glass_not_allowed", "You may not use break-glass for this request.", fix)
    if who.identity in review.requesters and not settings.own_requests:
        raise Problem("own_request", "This is your own request.", "Ask another person to use break-glass for it.")
    if not reason:
        raise Problem("request_invalid", "The reason is missing.", "Go back, and say why the request cannot wait.")
    if grant.break_glass and grant.break_glass.human == who.identity:
        return grant
    current = grant.at(now)
    if current.state is not State.PENDING:
        raise review_ended(current, f"The request is already {current.state}.")
    if shown != content_hash(grant):
        raise Problem(
            "review_changed",
            "The request changed after you opened it.",
            "Read the request again, then use break-glass.",
        )
    if set(follow_up_keys(grant, who.identity)) & set(outstanding):
        detail = f"An earlier use of break-glass, by you or for {grant.unit}, has no follow-up review yet."
        raise Problem("follow_up_due", detail, "Ask its reviewers to confirm it or object, then try again.")
    capped = capped_by_break_glass(grant, settings)
    use = BreakGlassUse(
        who.identity,
        reason,
        content_hash(capped),
        next_change_at(grant, now),
        now + settings.follow_up_seconds,
        tuple(map(review.config.identity_of, settings.notify)),
    )
    return activated(replace(capped, break_glass=use), now)


def capped_by_break_glass(grant: Grant, settings: BreakGlassConfig) -> Grant:
    """Return the pending grant, for at most the longest duration of break-glass."""
    seconds = min(grant.duration_seconds, settings.max_duration_seconds)
    return narrowed(grant, NarrowedApproval(grant.permissions, seconds))


def follow_up_keys(grant: Grant, human: Identity) -> tuple[str, str]:
    """Return the keys of the person and the unit that may not use break-glass again before a follow-up review."""
    return f"HUMAN#{human.digest}", grant.unit_key


def break_glass_approvals(review: GrantUnderReview, groups: Collection[str]) -> frozenset[str]:
    """Return the approvals that break-glass replaces: those of all groups, or none if its use is not valid now.

    A use is valid only for the exact content of the grant. Each issue of credentials repeats this check against the
    present configuration. If the configuration names only people, the person must still be one of them. Membership of a
    group is not checked, because only a token shows it.
    """
    grant, settings = review.grant, review.config.break_glass
    use = grant.break_glass
    if (
        use is None
        or settings is None
        or grant.target not in settings.targets
        or (not review.is_among(use.human, settings.people) and not settings.groups)
        or use.content != content_hash(grant)
        or grant.duration_seconds > settings.max_duration_seconds
        or (use.human in review.requesters and not settings.own_requests)
        or not review.is_trusted(use.human)
        or (grant.follow_up is not None and grant.follow_up.judgement is FollowUpVerdict.OBJECT)
    ):
        return frozenset()
    return frozenset(groups) | {BREAK_GLASS_APPROVAL}


def may_follow_up(human: str, review: GrantUnderReview, groups: Groups, *, operator: bool) -> bool:
    """Return whether `human` may do the follow-up review: any possible reviewer, or an operator.

    The requesters, the person who used break-glass, and their delegates may not.
    """
    involved, use = involved_people(review), review.grant.break_glass
    if use is None or not review.without((human,), involved) or human in delegates_for(involved, groups):
        return False
    return operator or human in all_possible_reviewers(review, groups, involved)


def involved_people(review: GrantUnderReview) -> frozenset[Identity]:
    """Return the requesters, and the person who used break-glass."""
    use = review.grant.break_glass
    return review.requesters | ({use.human} if use else set())


def all_possible_reviewers(
    review: GrantUnderReview, groups: Groups, excluded: frozenset[Identity] = frozenset()
) -> frozenset[str]:
    """Return everyone who could ever decide about the grant, including delegates.

    `excluded` and their delegates are left out.
    """
    grant = review.grant
    reached = {each for group in requested_groups(grant) for each in approving_groups(group, grant, groups)}
    people = {member for each in reached for member in groups[each].members}
    people |= {human for each in reached for human, _ in groups[each].active_delegations}
    return review.without(people, excluded) - delegates_for(excluded, groups)


def followed_up(grant: Grant, given: FollowUp) -> Grant:
    """Return the grant with its follow-up review.

    Returns the same grant when the same person gave the same verdict before.

    Raises Problem review_ended when break-glass was not used, or another person did the follow-up review.
    """
    done, not_used = grant.follow_up, "Access was not granted by break-glass."
    if done and (done.human, done.judgement) == (given.human, given.judgement):
        return grant
    if grant.break_glass is None or done:
        detail = f"{done.human.name} did the follow-up review already." if done else not_used
        raise Problem("review_ended", detail, "No follow-up review is needed.")
    return replace(grant, follow_up=given)
