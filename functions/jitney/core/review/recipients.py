"""Who is written to of a request by name: of those who may decide it, as few as the configuration says (REV 6)."""

from jitney.core.access.grant import Grant
from jitney.core.review.content import content_hash
from jitney.core.review.glass import concerned, everybody
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import Groups, asked_groups, askers, members


def recipients(notice: Notice, grant: Grant, groups: Groups, now: int) -> tuple[str, ...]:
    """The source identities of those who are told, sorted; never whoever asks. `groups` are `handlers.at_work`'s.

    At first the members who are `told` at once, and who stands in for them; once a group has escalated, everybody who
    may then approve for it. Who has voted is not reminded of it; who has voted for more than is left is told that. What
    was decided is told to all who would be told of it then, and to who voted; not to those whom policies wanted before
    they wanted others. That the glass was broken, and what came of it, is told to everybody who could ever decide, and
    to those whom the configuration names for it.
    """
    if grant.glass and notice is Notice.OWED:
        return tuple(sorted(everybody(grant, groups, concerned(grant))))
    if grant.glass:
        return tuple(sorted(everybody(grant, groups) | {*grant.glass.told, grant.glass.human}))
    told = frozenset[str]().union(*(_told(group, grant, groups, now) for group in asked_groups(grant)))
    content, voters = content_hash(grant), {vote.human for vote in grant.votes}
    if notice is Notice.DECIDED:
        people = told | voters
    else:
        people = told | (voters if notice is Notice.NARROWED else set())
        people -= {vote.human for vote in grant.votes if vote.content == content}
    return tuple(sorted(people - askers(grant)))


def _told(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    if group not in groups:
        return frozenset()
    entry, everybody = groups[group], members(group, grant, groups, now)
    escalated = entry.escalates_to in groups and now >= grant.created_at + entry.escalates_after_seconds
    if escalated or not entry.told:
        return everybody
    stand_ins = {human for human, place in entry.standing_in if place.absent in entry.told}
    return everybody & {*entry.told, *stand_ins}
