"""The people who are notified of a request by name, according to the configuration (row REV 6). Pure."""

from jitney.core.access.grant import State
from jitney.core.review.approval_count import would_count_again
from jitney.core.review.break_glass import all_possible_reviewers, involved_people
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import Groups, approving_groups, eligible_members, requested_groups, under_review_at
from jitney.core.stored_identity import Identity


def recipients(notice: Notice, review: GrantUnderReview, groups: Groups, now: int) -> tuple[str, ...]:
    """Return the source identities to notify, sorted. `groups` come from `handlers.review.current_reviewers`.

    A request goes at once to each group's members in `notify`, and to their delegates. After an escalation, it goes to
    everyone who may then approve. If none of a group's members in `notify` can still vote, its notices go to all who
    may approve. A person who voted gets no reminder, unless the request was narrowed after the vote, or an escalation
    lets the person approve for another group. A decision goes to those who were asked before it, and to all voters,
    even if it is sent again later. Break-glass goes to everyone who could ever decide, to the people configured for it,
    and to the person who used it. A follow-up reminder goes to those who may do the follow-up review. Requesters are
    notified of break-glass only. Suspended people get no notices.
    """
    return _unsuspended(_people(notice, review, groups, now), review)


def people_asked(review: GrantUnderReview, groups: Groups, now: int) -> tuple[str, ...]:
    """Return the source identities of the people who have been asked to decide about a pending grant, sorted."""
    return _unsuspended(review.without(_notified_people(review, groups, now), review.requesters), review)


def _unsuspended(people: frozenset[str], review: GrantUnderReview) -> tuple[str, ...]:
    covered = review.suspensions.covers_person
    return tuple(sorted(each for each in people if not covered(review.config.identity_of(each))))


def _people(notice: Notice, review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    grant = review.grant
    if grant.break_glass and notice is Notice.FOLLOW_UP_DUE:
        return all_possible_reviewers(review, groups, involved_people(review))
    if grant.break_glass:
        return all_possible_reviewers(review, groups) | review.current_names(
            (*grant.break_glass.notified, grant.break_glass.human)
        )
    # The time at which a request failed is unknown.
    is_over = notice is Notice.DECIDED and grant.state is not State.FAILED
    content, voters = content_hash(grant), review.current_names(vote.human for vote in grant.votes)
    if notice is Notice.DECIDED:
        people = voters | _notified_people(review, groups, under_review_at(grant, now) if is_over else now)
    else:
        counted = (vote for vote in grant.votes if vote.content == content)
        voted = frozenset(vote.human for vote in counted if not would_count_again(vote, review, groups, now))
        people = _notified_people(review, groups, now, voted)
        people = review.without(people | voters if notice is Notice.NARROWED else people, voted)
    return review.without(people, review.requesters)


def _notified_people(
    review: GrantUnderReview, groups: Groups, now: int, voted: frozenset[Identity] = frozenset()
) -> frozenset[str]:
    """Return the people to notify. `voted` are those whose votes count."""
    asked = requested_groups(review.grant)
    return frozenset[str]().union(*(_notified(group, review, groups, now, voted) for group in asked))


def _notified(
    group: str, review: GrantUnderReview, groups: Groups, now: int, voted: frozenset[Identity]
) -> frozenset[str]:
    if group not in groups:
        return frozenset()
    entry, eligible = groups[group], eligible_members(group, review, groups, now)
    escalated = len(approving_groups(group, review.grant, groups, now)) > 1
    if escalated or not entry.notify:
        return eligible
    delegates = {human for human, delegation in entry.active_delegations if delegation.delegator.name in entry.notify}
    chosen = eligible & {*entry.notify, *delegates}
    return chosen if review.without(chosen, voted) else eligible
