"""The sheet that reviewers see on every channel, computed from grant and action table (rows REV 10, 11). Pure.

The agent's text comes last and is marked as such. Each channel escapes it for its own format.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.conditions import Conditions
from jitney.core.access.decision import Risk
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.grant_effects import was_obtained
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import RequestedAccess
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.way_wording import way_in_words
from jitney.core.access_profile import GrantedProfile
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.identity.requester import Requester
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, has_wildcard
from jitney.core.review.approval_count import represented_members, with_counted_groups
from jitney.core.review.content import content_hash
from jitney.core.review.covered_access import CoveredAccess, LimitedAction, resources_by_action, shows_as_much
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.harm import LOW, harm_level, with_changes
from jitney.core.review.headlines import Headline, headline_of_grant, uses_of
from jitney.core.review.like_requests import LikeRequests, like_requests
from jitney.core.review.reviewers import Groups, eligible_members, requested_groups
from jitney.core.review.votes import approving_votes
from jitney.core.target_roles import first_role


class RequestedAction(NamedTuple):
    """One requested action, with its access level, resources and conditions.

    `new` are the resources that the agent did not obtain for this action, under conditions at least as weak, in the
    last 30 days. A grant that was approved but never used does not count, nor one that masked values if this one does
    not. `revoked` are the resources in `new` that the agent did obtain, but in grants that a person revoked or objected
    to. `harm` is the level of the action's worst risk. `denied` are the resources on which present policies deny
    the action to a pending request.
    """

    action: str
    level: AccessLevel | None
    resources: tuple[str, ...]
    new: tuple[str, ...]
    conditions: Conditions = ()
    revoked: tuple[str, ...] = ()
    harm: str = LOW
    denied: tuple[str, ...] = ()

    @property
    def unusual_first(self) -> tuple[str, ...]:
        """The resources, first those revoked before, then the new ones, and of each kind those with wildcards first.

        A channel that shows only some of them shows these. The agent chose the order of `resources`.
        """
        usual = (frozenset(self.revoked), frozenset(self.new))
        return tuple(
            sorted(self.resources, key=lambda arn: (*(arn not in each for each in usual), not has_wildcard(arn)))
        )


class GroupApproval(NamedTuple):
    """One reviewer group: the number of approvals it needs, the people who may approve, and those who did.

    `approved` are those whose approvals count. `needed` is 0 for a group that is no longer configured.
    """

    group: str
    needed: int
    members: tuple[str, ...]
    approved: tuple[str, ...]


class Sheet(NamedTuple):
    """A request under review. Times are epoch seconds. People are source identities.

    `content` is the hash that a vote has to cover. `any_of` are the alternatives of groups that suffice. `agent_reason`
    and `ticket` are the agent's exact words. `ending` is set once the grant was released or revoked. `ends_by` is the
    end of the token, if the grant ends with its token. `call` is set for a request of one call. `way` says in words how
    a grant for the gateway is used; "" for credentials. `repeated` is set if a request for the same access was rejected
    before. `risks` include every change. `requested` is what the agent requested, if the grant was narrowed. `like` has
    the results of earlier like requests. `headline` is the request in a sentence. `undecidable` says why a pending
    request cannot be approved: the present configuration cannot decide about it, or denies it; "" if it can.
    `part_only` says why policies deny it as it is, if a part can be approved, for at most `most_seconds`; otherwise "".
    `approvable_from` is set for both if all of it can be approved once a time window changes, at that time.
    `other_reviewers` are the alternatives of groups that policies need now, if none of `any_of` suffices. If an
    approval `counts_again`, policies then allow the same request again, unless a reviewer chose `this_time_only`.
    """

    grant_id: str
    content: str
    state: str
    headline: Headline
    requester: Requester
    target: str
    account: str
    region: str
    role_arn: str
    actions: tuple[RequestedAction, ...]
    risks: tuple[Risk, ...]
    duration_seconds: int
    created_at: int
    expires_at: int
    any_of: tuple[tuple[str, ...], ...]
    group_approvals: tuple[GroupApproval, ...]
    votes: tuple[Vote, ...]
    agent_reason: str
    ticket: str
    ending: GrantEnd | None = None
    break_glass: BreakGlassUse | None = None
    follow_up: FollowUp | None = None
    ends_by: int | None = None
    access_profile: GrantedProfile | None = None
    call: ReviewedCall | None = None
    way: str = ""
    repeated: RepeatedRequest | None = None
    requested: RequestedAccess | None = None
    like: LikeRequests = LikeRequests()
    undecidable: str = ""
    approvable_from: int | None = None
    part_only: str = ""
    most_seconds: int = 0
    other_reviewers: tuple[tuple[str, ...], ...] = ()
    counts_again: bool = False
    this_time_only: bool = False
    earlier_approvals: tuple[EarlierApproval, ...] = ()

    def no_longer_counts(self, vote: Vote) -> bool:
        """Return whether an approval stopped counting: the request changed, or its voter may no longer vote on it.

        Who may vote now says nothing about a request that was decided before.
        """
        if vote.verdict is not VoteVerdict.APPROVE:
            return False
        if vote.content != self.content:
            return True
        if self.state != State.PENDING:
            return False
        return not any(vote.human.name in each.approved for each in self.group_approvals)


def sheet_of(
    review: GrantUnderReview,
    groups: Groups,
    actions: ActionTable,
    risks: Sequence[Risk],
    history: Collection[Grant],
    now: int,
    *,
    history_cut: bool = False,
) -> Sheet:
    """Return the sheet at `now`. `history` are the agent's other grants of the last 30 days, or the newest of them."""
    grant = review.grant
    current, budget, obtained = grant.at(now), Budget(MAX_REQUEST_STEPS), _obtained(grant, history)
    requester, uses = review.requester, uses_of(grant, actions)
    found = with_changes(risks, uses)
    return Sheet(
        grant_id=grant.id,
        content=content_hash(grant),
        state=str(current.state),
        headline=headline_of_grant(current, requester.human_name, uses),
        requester=requester,
        target=grant.target,
        account=grant.account,
        region=grant.region,
        role_arn=grant.role_arn,
        actions=tuple(
            _requested_action(limited, arns, actions, obtained, budget)._replace(
                harm=harm_level([each for each in found if limited.action in each.actions])
            )
            for limited, arns in resources_by_action(grant).items()
        ),
        risks=found,
        duration_seconds=grant.duration_seconds,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
        any_of=grant.reviews,
        group_approvals=tuple(_group_approval(group, review, groups, now) for group in sorted(requested_groups(grant))),
        votes=grant.votes,
        agent_reason=grant.reason,
        ticket=grant.ticket,
        ending=grant.ending,
        break_glass=grant.break_glass,
        follow_up=grant.follow_up,
        ends_by=grant.ends_by,
        access_profile=grant.access_profile,
        call=grant.call,
        way=way_in_words(grant.way, reveal=grant.reveal),
        repeated=grant.repeated,
        requested=grant.requested,
        like=like_requests(grant, history, history_cut=history_cut),
        counts_again=grant.counts_again,
        this_time_only=grant.this_time_only,
        earlier_approvals=grant.earlier_approvals,
    )


class _Obtained(NamedTuple):
    """The access that the agent obtained, and the access that it obtained and a person revoked or objected to."""

    kept: CoveredAccess
    revoked: CoveredAccess


def _obtained(grant: Grant, history: Iterable[Grant]) -> _Obtained:
    first = first_role(grant.role_arn)
    obtained: dict[bool, list[Grant]] = {False: [], True: []}
    for other in history:
        if first_role(other.role_arn) == first and was_obtained(other) and shows_as_much(other, grant):
            obtained[_objected_to(other)].append(other)
    return _Obtained(CoveredAccess(obtained[False]), CoveredAccess(obtained[True]))


def _requested_action(
    limited: LimitedAction, resources: tuple[str, ...], actions: ActionTable, obtained: _Obtained, budget: Budget
) -> RequestedAction:
    """Return the action's line. When `budget` runs out, resources count as new."""
    known = actions.get(limited.action)
    new = tuple(obtained.kept.lacks(limited, resources, budget))
    never = tuple(obtained.revoked.lacks(limited, new, budget))
    revoked = tuple(arn for arn in new if arn not in never)
    return RequestedAction(limited.action, known.level if known else None, resources, new, limited.conditions, revoked)


def _objected_to(grant: Grant) -> bool:
    """Return whether a person revoked the grant or objected to it. If so, its access counts as new again."""
    objected = grant.follow_up is not None and grant.follow_up.judgement is FollowUpVerdict.OBJECT
    return objected or (grant.ending is not None and grant.ending.state is State.REVOKED)


def _group_approval(group: str, review: GrantUnderReview, groups: Groups, now: int) -> GroupApproval:
    votes: Iterable[Vote] = approving_votes(review)
    if review.grant.at(now).state is State.PENDING:  # otherwise those at the last vote count
        votes = (with_counted_groups(vote, review, groups, now) for vote in votes)
    approved = {vote.human.name for vote in votes if represented_members(vote, group, review, groups)}
    needed = groups[group].approvals if group in groups else 0
    return GroupApproval(
        group, needed, tuple(sorted(eligible_members(group, review, groups, now))), tuple(sorted(approved))
    )
