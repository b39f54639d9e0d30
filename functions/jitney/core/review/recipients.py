"""Who is written to of a request by name: of those who may decide it, as few as the configuration says (REV 6)."""

from jitney.core.access.grant import Grant
from jitney.core.review.break_glass import all_possible_reviewers, involved_people
from jitney.core.review.content import content_hash
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import Groups, eligible_members, requested_groups, requesters


def recipients(notice: Notice, grant: Grant, groups: Groups, now: int) -> tuple[str, ...]:
    """The source identities of those who are told, sorted; never whoever asks. `groups` are `handlers.current_reviewers`'s.

    At first the members in `notify`, and who stands in for them; once a group has escalated, everybody who
    may then approve for it. Who has voted is not reminded of it; who has voted for more than is left is told that. What
    was decided is told to all who would be told of it then, and to who voted; not to those whom policies wanted before
    they wanted others. That the glass was broken, and what came of it, is told to everybody who could ever decide, and
    to those whom the configuration names for it.
    """
    if grant.break_glass and notice is Notice.FOLLOW_UP_DUE:
        return tuple(sorted(all_possible_reviewers(grant, groups, involved_people(grant))))
    if grant.break_glass:
        return tuple(sorted(all_possible_reviewers(grant, groups) | {*grant.break_glass.told, grant.break_glass.human}))
    told = frozenset[str]().union(*(_notified(group, grant, groups, now) for group in requested_groups(grant)))
    content, voters = content_hash(grant), {vote.human for vote in grant.votes}
    if notice is Notice.DECIDED:
        people = told | voters
    else:
        people = told | (voters if notice is Notice.NARROWED else set())
        people -= {vote.human for vote in grant.votes if vote.content == content}
    return tuple(sorted(people - requesters(grant)))


def _notified(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    if group not in groups:
        return frozenset()
    entry, everybody = groups[group], eligible_members(group, grant, groups, now)
    escalated = entry.escalates_to in groups and now >= grant.created_at + entry.escalates_after_seconds
    if escalated or not entry.notify:
        return everybody
    delegates = {human for human, place in entry.active_delegations if place.delegator in entry.notify}
    return everybody & {*entry.notify, *delegates}
