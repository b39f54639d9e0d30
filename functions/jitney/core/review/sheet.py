"""What reviewers are shown, on every channel: computed from the grant and the tables, never taken from the agent.

The agent's own words come last and are marked as its own; whoever renders a sheet escapes them (rows REV 10, 11).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.decision import Risk
from jitney.core.access.grant import Grant, GrantEnd, State, Vote
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.patterns import PatternTooComplex, covers
from jitney.core.review.approval_count import represented_members, with_counted_groups
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import Groups, eligible_members, requested_groups
from jitney.core.review.votes import approving_votes


class RequestedAction(NamedTuple):
    """One action that is asked for, with its access level, on these resources; `new` are those not reached before.

    `new` is a part of `resources`: what no grant of the same agent of the last 30 days reached with this action.
    """

    action: str
    level: AccessLevel | None
    resources: tuple[str, ...]
    new: tuple[str, ...]


class GroupApproval(NamedTuple):
    """One reviewer group: how many approvals it takes, how many there are, who may give them, who has."""

    group: str
    needed: int
    members: tuple[str, ...]
    approved: tuple[str, ...]


class Sheet(NamedTuple):
    """A request under review. Times in epoch seconds; people and agents are source identities.

    `content` is what a vote has to cover. `risks` are sentences of the broker's. `any_of` are the alternatives of
    groups that suffice. `words` and `ticket` are the agent's own, as it wrote them. `ending` is how it was taken back.
    """

    grant_id: str
    content: str
    state: str
    agent: str
    issuer: str
    human: str | None
    target: str
    account: str
    region: str
    role_arn: str
    lines: tuple[RequestedAction, ...]
    risks: tuple[Risk, ...]
    duration_seconds: int
    created_at: int
    expires_at: int
    any_of: tuple[tuple[str, ...], ...]
    asked: tuple[GroupApproval, ...]
    votes: tuple[Vote, ...]
    words: str
    ticket: str
    ending: GrantEnd | None = None
    break_glass: BreakGlassUse | None = None
    follow_up: FollowUp | None = None

    @property
    def new(self) -> bool:
        """Whether it reaches anything that the agent's grants of the last 30 days did not."""
        return any(line.new for line in self.lines)


def sheet_of(
    review: GrantUnderReview,
    groups: Groups,
    actions: ActionTable,
    risks: Sequence[Risk],
    history: Collection[Grant],
    now: int,
) -> Sheet:
    """Return the sheet at `now`. `history` are the agent's other grants of the last 30 days."""
    grant = review.grant
    current = grant.at(now)
    return Sheet(
        grant_id=grant.id,
        content=content_hash(grant),
        state=str(current.state),
        agent=grant.principal,
        issuer=grant.issuer,
        human=grant.human,
        target=grant.target,
        account=grant.account,
        region=grant.region,
        role_arn=grant.role_arn,
        lines=tuple(
            _line(grant, action, arns, actions, history) for action, arns in resources_by_action(grant).items()
        ),
        risks=tuple(risks),
        duration_seconds=grant.duration_seconds,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
        any_of=grant.reviews,
        asked=tuple(_group_approval(group, review, groups, now) for group in sorted(requested_groups(grant))),
        votes=grant.votes,
        words=grant.reason,
        ticket=grant.ticket,
        ending=grant.ending,
        break_glass=grant.break_glass,
        follow_up=grant.follow_up,
    )


def resources_by_action(grant: Grant) -> dict[str, tuple[str, ...]]:
    """Each action of the grant with all its resources, in the order of the sheet's lines."""
    resources: dict[str, dict[str, None]] = {}
    for permission in grant.permissions:
        for action, arn in permission.pairs():
            resources.setdefault(action, {})[arn] = None
    return {action: tuple(arns) for action, arns in resources.items()}


def _line(
    grant: Grant, action: str, resources: tuple[str, ...], actions: ActionTable, history: Collection[Grant]
) -> RequestedAction:
    known = actions.get(action)
    before = [
        arn
        for other in history
        if other.role_arn == grant.role_arn and other.starts_at is not None and not _objected_to(other)
        for permission in other.permissions
        if action in permission.actions
        for arn in permission.resources
    ]
    new = tuple(arn for arn in resources if not any(_covers(outer, arn) for outer in before))
    return RequestedAction(action, known.level if known else None, resources, new)


def _objected_to(grant: Grant) -> bool:
    """Whether somebody found that the agent should not have had it."""
    objected = grant.follow_up is not None and grant.follow_up.judgement is FollowUpVerdict.OBJECT
    return objected or (grant.ending is not None and grant.ending.state is State.REVOKED)


def _covers(outer: str, inner: str) -> bool:
    """Whether it is sure that all of `inner` was reached with `outer`."""
    try:
        return covers(outer, inner)
    except PatternTooComplex:
        return False


def _group_approval(group: str, review: GrantUnderReview, groups: Groups, now: int) -> GroupApproval:
    votes = (with_counted_groups(vote, review, groups, now) for vote in approving_votes(review))
    approved = {vote.human for vote in votes if represented_members(vote, group, review, groups)}
    needed = groups[group].approvals if group in groups else 0
    return GroupApproval(
        group, needed, tuple(sorted(eligible_members(group, review, groups, now))), tuple(sorted(approved))
    )
