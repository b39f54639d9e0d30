"""Votes in the pure core: who may give them, what they cover, how they are counted."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.conditions import conditions_of
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.request import Permission
from jitney.core.access.suspension_entry import SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.notices import Notice
from jitney.core.review.recipients import recipients
from jitney.core.review.reviewers import (
    can_be_approved,
    may_revoke,
    require_reviewer,
    reviewers,
    under_review_at,
    votable_groups,
)
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.sheet import sheet_of
from jitney.core.review.votes import (
    activated,
    approving_votes,
    cast,
    has_enough_approvals,
    is_last_approval,
    narrowed,
    valid_approvals,
)
from jitney.core.stored_identity import Identity
from tests.core.access.test_suspension_denials import suspension
from tests.core.identity.minting import CORP
from tests.core.review.samples import under_review
from tests.fakes import ACTIONS, CALL, NOW, PENDING
from tests.identities import identity

GROUPS = {
    "owners": ReviewerGroup(("corp.alice", "corp.bob", "corp.carol"), approvals=2),
    "security": ReviewerGroup(("corp.dora", "corp.alice"), escalates_to="chiefs", escalates_after_seconds=900),
    "chiefs": ReviewerGroup(("corp.erin",)),
}
BOTH = replace(PENDING, reviews=(("owners", "security"),))
EITHER = replace(PENDING, reviews=(("owners",), ("security",)))
BELOW_A = conditions_of({"s3:prefix": ["a/*"]})
WIDE = replace(
    EITHER,
    permissions=(
        Permission(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::b/1", "arn:aws:s3:::b/2")),
        Permission(("s3:ListBucket",), ("arn:aws:s3:::b",), BELOW_A),
    ),
)


def a_vote(human: str, grant: Grant, verdict: VoteVerdict = VoteVerdict.APPROVE, at: int = NOW) -> Vote:
    return Vote(identity(f"corp.{human}"), verdict, content_hash(grant), "", at, "web")


def after(grant: Grant, *humans: str, at: int = NOW) -> Grant:
    for human in humans:
        grant = cast(under_review(grant), a_vote(human, grant, at=at), GROUPS)
    return grant


def code(call: object, *arguments: object) -> str:
    with pytest.raises(Problem) as refusal:
        call(*arguments)  # type: ignore[operator]
    return refusal.value.code


def person(name: str, kind: str = "human", human: Identity | None = None) -> Principal:
    return Principal(CORP, "corp", name, kind, frozenset(), name, f"corp.{name}", f"corp.{name}", human)  # type: ignore[arg-type]


def test_rev_04_distinct_people_are_counted_not_votes():
    assert not has_enough_approvals(after(EITHER, "bob"))
    assert not has_enough_approvals(after(EITHER, "bob", "bob"))
    assert has_enough_approvals(after(EITHER, "bob", "carol"))


def test_rev_06_all_groups_of_one_alternative_are_needed():
    assert not has_enough_approvals(after(BOTH, "bob", "carol"))
    assert not has_enough_approvals(after(BOTH, "dora"))
    assert has_enough_approvals(after(BOTH, "bob", "carol", "dora"))


def test_rev_06_one_person_of_two_groups_counts_for_each():
    assert after(BOTH, "alice").approvals == ("security",)
    assert has_enough_approvals(after(BOTH, "alice", "bob"))


def test_rev_06_an_approval_for_one_of_two_groups_counts():
    voted = after(BOTH, "dora")
    (vote,) = voted.votes
    assert not sheet_of(under_review(voted), GROUPS, ACTIONS, (), (), NOW).no_longer_counts(vote)
    left = GROUPS | {"security": GROUPS["security"]._replace(members=())}
    assert sheet_of(under_review(voted), left, ACTIONS, (), (), NOW).no_longer_counts(vote)


def test_rev_06_the_page_knows_whether_one_more_approval_is_enough():
    """Also for a person of two groups, for one who approved before, and for a requester, whose vote never counts."""
    cases = {
        ("bob", EITHER): False,
        ("dora", EITHER): True,
        ("carol", after(EITHER, "bob")): True,
        ("dora", BOTH): False,
        ("alice", after(BOTH, "bob")): True,
    }
    for (human, grant), enough in cases.items():
        found = is_last_approval(under_review(grant), person(human).identity, (), GROUPS, NOW)
        assert found is enough, (human, grant.approvals)
    assert not is_last_approval(under_review(after(EITHER, "bob")), EITHER.agent, (), GROUPS, NOW)


def test_rev_06_one_rejection_ends_it():
    rejected = cast(under_review(after(EITHER, "bob")), a_vote("dora", EITHER, VoteVerdict.REJECT), GROUPS)
    assert rejected.state is State.REJECTED
    assert code(cast, under_review(rejected), a_vote("carol", rejected), GROUPS) == "review_ended"


BY_BREAK_GLASS = BreakGlassUse(identity("corp.gina"), "down", "", 1, NOW + 60, ())


@pytest.mark.parametrize(
    ("ended", "fix"),
    [
        (activated(after(EITHER, "bob", "carol"), NOW), "can end the access"),
        (replace(activated(EITHER, NOW), break_glass=BY_BREAK_GLASS), "must do the follow-up review"),
        (EITHER.move(State.REJECTED), "No decision is needed"),
    ],
)
def test_rev_06_a_rejection_that_came_too_late_says_how_the_access_can_be_ended(ended: Grant, fix: str):
    with pytest.raises(Problem) as refusal:
        cast(under_review(ended), a_vote("dora", EITHER, VoteVerdict.REJECT), GROUPS)
    assert (refusal.value.code, fix in refusal.value.fix) == ("review_ended", True)


def test_rev_06_a_vote_may_be_changed_while_it_is_open():
    assert has_enough_approvals(after(cast(under_review(EITHER), a_vote("bob", EITHER), GROUPS), "carol"))
    rejected = cast(under_review(after(EITHER, "bob")), a_vote("bob", EITHER, VoteVerdict.REJECT), GROUPS)
    assert [vote.verdict for vote in rejected.votes] == [VoteVerdict.REJECT]


def test_rev_04_the_same_vote_again_changes_nothing():
    once = after(EITHER, "bob")
    assert cast(under_review(once), a_vote("bob", once, at=NOW + 5), GROUPS) is once
    active = activated(after(EITHER, "bob", "carol"), NOW)
    assert cast(under_review(active), a_vote("carol", active, at=NOW + 9999), GROUPS) is active


def test_rev_06_the_same_vote_with_another_delegation_is_another_vote():
    bob_is_away = Delegation("owners", identity("corp.bob"), "a-1", NOW, NOW + 86_400)
    once = after(EITHER, "carol")
    with_it = cast(under_review(once), replace(a_vote("carol", once), delegations=(bob_is_away,)), GROUPS)
    assert [each.delegations for each in with_it.votes] == [(bob_is_away,)]
    assert cast(under_review(with_it), a_vote("carol", with_it), GROUPS) is with_it
    ended = replace(once, state=State.EXPIRED)
    late = replace(a_vote("carol", ended), delegations=(bob_is_away,))
    assert code(cast, under_review(ended), late, GROUPS) == "review_ended"


@pytest.mark.parametrize("at", [PENDING.expires_at, PENDING.expires_at + 1])
def test_rev_06_expiry_ends_the_request(at):
    assert code(cast, under_review(EITHER), a_vote("bob", EITHER, at=at), GROUPS) == "review_ended"


@pytest.mark.parametrize(
    "other",
    [
        {"subject": "other"},
        {"principal": "local.other"},
        {"groups": ("corp/admins",)},
        {"human": identity("corp.frank")},
        {"agent_owners": (identity("corp.frank"),)},
        {"target": "other"},
        {"role_arn": "arn:aws:iam::444455556666:role/other"},
        {"permissions": (Permission(("s3:*",), ("*",)),)},
        {"duration_seconds": 301},
        {"reason": "another"},
        {"ticket": "OPS-13"},
        {"policy_version": "v2"},
        {"reviews": (("owners",),)},
        {"call": CALL},
    ],
    ids=lambda change: next(iter(change)),
)
def test_rev_03_a_vote_covers_exactly_what_was_shown(other):
    shown = a_vote("bob", EITHER)
    assert code(cast, under_review(replace(EITHER, **other)), shown, GROUPS) == "review_changed"
    # Nor does a vote that was counted before count for what the grant became.
    changed = replace(after(EITHER, "bob"), **other)
    assert after(changed, "carol").approvals == ()


def test_rev_03_the_content_is_all_of_a_grant_but_what_happens_to_it():
    happens = {"state", "created_at", "starts_at", "expires_at", "approvals", "votes", "records", "ending"}
    happens |= {
        "chain_head",
        "break_glass",
        "follow_up",
        "cut_off_at",
        "review_restarted_at",
        "narrowed_at",
        "requested",
        "unissued",
        "used_at",
    }
    happens |= {"account", "region"}  # the role's ARN holds the account; the region is the target's
    decided = {field.name for field in fields(Grant)} - happens
    values = {"duration_seconds": 7, "human": identity("corp.zoe"), "agent_owners": (identity("corp.zoe"),)}
    changed = {
        name: content_hash(replace(EITHER, **{name: values.get(name, ("x",))}))
        for name in decided - {"permissions", "reviews"}
    }
    assert content_hash(EITHER) not in changed.values()
    assert len(set(changed.values())) == len(changed)


def test_rev_05_a_person_who_acts_for_another_revokes_nothing():
    assert may_revoke(person("alice"), under_review(EITHER), GROUPS, NOW)
    assert not may_revoke(person("alice", human=identity("corp.bob")), under_review(EITHER), GROUPS, NOW)
    assert not may_revoke(person("alice", "agent"), under_review(EITHER), GROUPS, NOW)


REQUESTERS = {
    "its human": under_review(replace(EITHER, human=identity("corp.frank"))),
    "an owner of its agent": under_review(replace(EITHER, issuer=CORP), ("corp.frank",)),
}


@pytest.mark.parametrize("review", REQUESTERS.values(), ids=REQUESTERS)
def test_end_01_a_person_revokes_what_their_agent_got(review: GrantUnderReview):
    assert may_revoke(person("frank"), review, GROUPS, NOW)
    assert not may_revoke(person("frank"), under_review(EITHER), GROUPS, NOW)
    assert not may_revoke(person("frank", "agent"), review, GROUPS, NOW)
    assert not may_revoke(person("frank", human=identity("corp.bob")), review, GROUPS, NOW)
    assert not may_revoke(replace(person("frank"), issuer="https://other.example"), review, GROUPS, NOW)


def test_end_01_a_person_revokes_what_they_got_themselves():
    own = replace(EITHER, principal="corp.frank", issuer=CORP)
    assert may_revoke(person("frank"), under_review(own), {}, NOW)
    assert not may_revoke(person("gina"), under_review(own), {}, NOW)


def test_end_01_an_owner_of_before_and_of_another_issuers_agent_revokes_nothing():
    """The alias of an issuer may have been given to another issuer. Both people may still not vote."""
    before = under_review(replace(EITHER, issuer=CORP, agent_owners=(identity("corp.frank"),)))
    other = under_review(replace(EITHER, issuer="https://before.example"), ("corp.frank",))
    assert not any(may_revoke(person("frank"), each, GROUPS, NOW) for each in (before, other))
    assert person("frank").identity in before.requesters & other.requesters


def test_rev_05_an_owner_may_not_vote_after_the_entry_of_the_request_was_removed():
    """The agent's issuer has another entry, in which the agent is the same and has its owners."""
    review = under_review(replace(EITHER, issuer=CORP, issuer_name="removed"), ("corp.alice",))
    assert may_revoke(person("alice"), review, GROUPS, NOW)
    assert code(require_reviewer, person("alice"), review, GROUPS, NOW) == "own_request"
    voted = replace(review.grant, approvals=("security",), votes=(a_vote("alice", review.grant),))
    assert valid_approvals(review.with_grant(voted), GROUPS) == frozenset()


def test_rev_06_reviewers_of_a_later_escalation_cannot_revoke_what_was_decided_before():
    late = EITHER.created_at + 900
    assert not may_revoke(person("erin"), under_review(EITHER), GROUPS, late - 1)
    assert may_revoke(person("erin"), under_review(EITHER), GROUPS, late)
    early = activated(after(EITHER, "bob", "carol"), late - 1)
    assert not may_revoke(person("erin"), under_review(early), GROUPS, late + 60)
    assert may_revoke(person("dora"), under_review(early), GROUPS, late + 60)
    assert may_revoke(person("erin"), under_review(activated(after(EITHER, "bob", "carol"), late)), GROUPS, late + 60)


def test_rev_06_a_request_was_under_review_until_it_was_decided_revoked_or_expired():
    end = EITHER.expires_at
    assert [under_review_at(EITHER, now) for now in (end - 60, end, end + 60)] == [end - 60, end, end]
    assert under_review_at(EITHER.move(State.EXPIRED), end + 60) == end
    assert under_review_at(activated(EITHER, end - 60), end) == end - 60
    assert under_review_at(EITHER.end(State.RELEASED, GrantEnd(end - 60, "corp.agent", "")), end) == end - 60
    assert (
        under_review_at(cast(under_review(EITHER), a_vote("dora", EITHER, VoteVerdict.REJECT, end - 60), GROUPS), end)
        == end - 60
    )
    assert under_review_at(after(EITHER, "bob", at=end - 60).move(State.FAILED), end) == end - 60
    twice = after(after(BOTH, "bob", at=end - 60), "carol", at=end - 30)
    assert under_review_at(twice.move(State.FAILED), end) == end - 30
    assert under_review_at(EITHER.move(State.FAILED), end) == EITHER.created_at  # when, nothing says


def test_id_10_the_agents_owner_counts_as_the_agent():
    own = replace(EITHER, agent_owners=(identity("corp.alice"), identity("corp.frank")))
    assert code(require_reviewer, person("alice"), under_review(own), GROUPS, NOW) == "own_request"
    assert "corp.alice" not in reviewers(under_review(own), GROUPS, NOW)
    # Even a vote that got in would not be counted, nor stand when credentials are issued.
    both = after(own, "alice", "bob")
    assert both.approvals == ()
    assert valid_approvals(under_review(activated(replace(both, approvals=("owners",)), NOW)), GROUPS) == frozenset()
    assert has_enough_approvals(after(own, "bob", "carol"))


def refusal(review: GrantUnderReview) -> str:
    try:
        require_reviewer(person("alice"), review, GROUPS, NOW)
    except Problem as problem:
        return problem.code
    return ""


OWNED_NOW = {
    "require_reviewer": lambda own: refusal(own) == "own_request",
    "reviewers": lambda own: "corp.alice" not in reviewers(own, GROUPS, NOW),
    "votable_groups": lambda own: votable_groups("corp.alice", own, GROUPS, NOW) == frozenset(),
    "may_revoke": lambda own: may_revoke(person("alice"), own.with_grant(replace(own.grant, issuer=CORP)), {}, NOW),
    "can_be_approved": lambda own: (
        not can_be_approved(
            own.with_grant(replace(own.grant, approvals=())), {"owners": ReviewerGroup(("corp.alice",))}
        )
    ),
    "approving_votes": lambda own: approving_votes(own) == (),
    "valid_approvals": lambda own: valid_approvals(own, {"owners": ReviewerGroup(("corp.alice",))}) == frozenset(),
    "recipients": lambda own: "corp.alice" not in recipients(Notice.DECIDED, own, GROUPS, NOW),
    "sheet_of": lambda own: not sheet_of(own, GROUPS, ACTIONS, (), (), NOW).group_approvals[0].approved,
}


@pytest.mark.parametrize("holds", OWNED_NOW.values(), ids=OWNED_NOW)
def test_id_10_a_present_owner_counts_as_a_requester_everywhere(holds):
    """Alice voted; then the configuration made her an owner of the agent."""
    voted = replace(after(EITHER, "alice"), approvals=("owners",))
    assert not holds(under_review(voted))
    assert holds(under_review(voted, owners=("corp.alice",)))


def test_id_10_a_review_keeps_its_configuration_with_another_version_of_the_grant():
    owned = under_review(EITHER, owners=("corp.frank",))
    assert identity("corp.frank") in owned.with_grant(replace(EITHER, duration_seconds=1)).requesters
    assert owned.with_grant(WIDE).grant is WIDE


def test_rev_06_a_request_that_too_few_can_approve_waits_for_no_one():
    """A group that approved counts, too: the approval of a person who left no longer does."""
    one = under_review(after(BOTH, "dora"))
    assert can_be_approved(one, GROUPS)
    for group, left in (("security", ()), ("owners", ("corp.alice",))):
        assert not can_be_approved(one, GROUPS | {group: GROUPS[group]._replace(members=left, escalates_to="")})
        assert not can_be_approved(one, {name: each for name, each in GROUPS.items() if name != group})
    assert can_be_approved(under_review(EITHER), {"security": GROUPS["security"]})


def test_rev_03_approvals_hold_at_issue_for_this_very_grant_and_by_enough_people():
    approved = activated(after(BOTH, "alice", "bob", "dora"), NOW)
    assert valid_approvals(under_review(approved), GROUPS) == {"owners", "security"}
    assert valid_approvals(under_review(replace(approved, duration_seconds=301)), GROUPS) == frozenset()
    assert valid_approvals(under_review(replace(approved, approvals=())), GROUPS) == frozenset()
    assert valid_approvals(under_review(approved), {"owners": GROUPS["owners"]}) == {"owners"}
    twice = replace(approved, votes=(approved.votes[0], approved.votes[0]))
    assert valid_approvals(under_review(twice), GROUPS) == {"security"}
    own = replace(approved, votes=tuple(replace(each, human=approved.agent) for each in approved.votes))
    assert valid_approvals(under_review(own), GROUPS) == frozenset()


def rejecting(review: GrantUnderReview) -> GrantUnderReview:
    votes = tuple(replace(each, verdict=VoteVerdict.REJECT) for each in review.grant.votes)
    return review.with_grant(replace(review.grant, votes=votes))


UNCOUNTED = {
    "it rejects": rejecting,
    "it is about another request": lambda voted: voted.with_grant(replace(voted.grant, duration_seconds=301)),
    "its issuer is gone": lambda voted: replace(voted, config=replace(voted.config, issuers={})),
    "its person is suspended": lambda voted: replace(
        voted,
        suspensions=Suspensions(entries=(suspension(kind=SuspensionKind.HUMAN, name="corp.alice"),)),
    ),
}


@pytest.mark.parametrize("changed", UNCOUNTED.values(), ids=UNCOUNTED)
def test_rev_03_a_stored_vote_does_not_count(changed):
    voted = under_review(after(EITHER, "alice"))
    assert [each.human.name for each in approving_votes(voted)] == ["corp.alice"]
    assert approving_votes(changed(voted)) == ()


@pytest.mark.parametrize(
    "grant", [replace(EITHER, principal="corp.alice", issuer=CORP), replace(EITHER, human=identity("corp.alice"))]
)
def test_rev_05_no_requester_decides_about_their_own_request(grant):
    assert code(require_reviewer, person("alice"), under_review(grant), GROUPS, NOW) == "own_request"
    assert "corp.alice" not in reviewers(under_review(grant), GROUPS, NOW)
    # Even a vote that got in would not be counted.
    assert after(grant, "alice", "bob").approvals == ()


@pytest.mark.parametrize("voter", [person("alice", "agent"), person("alice", human=identity("corp.dora"))])
def test_rev_05_an_agents_token_cannot_vote(voter):
    assert code(require_reviewer, voter, under_review(EITHER), GROUPS, NOW) == "human_required"


def test_rev_09_who_is_no_reviewer_of_this_grant_cannot_vote():
    assert code(require_reviewer, person("erin"), under_review(EITHER), GROUPS, NOW) == "not_reviewer"
    assert code(require_reviewer, person("alice"), under_review(EITHER), {}, NOW) == "not_reviewer"
    require_reviewer(person("alice"), under_review(EITHER), GROUPS, NOW)


def test_rev_06_a_request_that_waits_goes_to_the_next_group():
    late = EITHER.created_at + 900
    assert votable_groups("corp.erin", under_review(EITHER), GROUPS, late - 1) == frozenset()
    assert votable_groups("corp.erin", under_review(EITHER), GROUPS, late) == {"security"}
    assert has_enough_approvals(after(EITHER, "erin", at=late))
    assert not has_enough_approvals(after(EITHER, "erin", at=late - 1))


def test_rev_06_a_reviewer_who_left_counts_no_more():
    one = after(EITHER, "bob")
    left = GROUPS | {"owners": ReviewerGroup(("corp.alice", "corp.carol"), approvals=2)}
    assert cast(under_review(one), a_vote("carol", one), left).approvals == ()


pairs_of_wide = sorted({pair for permission in WIDE.permissions for pair in permission.pairs()})
parts = st.lists(st.sampled_from(pairs_of_wide), unique=True).map(
    lambda chosen: tuple(Permission((action,), (resource,), limits) for action, resource, limits in chosen)
)


@pytest.mark.parametrize("empty", [{"actions": ()}, {"resources": ()}])
def test_rev_07_a_part_without_actions_or_resources_is_refused(empty: dict[str, tuple[str, ...]]):
    parts = (WIDE.permissions[0], replace(WIDE.permissions[1], **empty))
    assert code(narrowed, WIDE, NarrowedApproval(parts, WIDE.duration_seconds)) == "not_narrower"


@given(parts, st.integers(-1, 400))
def test_rev_07_less_is_never_more(permissions, seconds):
    try:
        less = narrowed(WIDE, NarrowedApproval(permissions, seconds))
    except Problem as problem:
        assert problem.code == "not_narrower"
        assert not permissions or not 0 < seconds <= WIDE.duration_seconds
    else:
        assert {pair for each in less.permissions for pair in each.pairs()} <= set(pairs_of_wide)
        assert 0 < less.duration_seconds <= WIDE.duration_seconds


@pytest.mark.parametrize("seconds", [0, -1])
def test_rev_07_less_time_is_at_least_a_second(seconds):
    assert code(narrowed, WIDE, NarrowedApproval(WIDE.permissions, seconds)) == "not_narrower"


@pytest.mark.parametrize(
    "permissions",
    [
        (Permission(("s3:*",), ("arn:aws:s3:::b/1",)),),
        (Permission(("s3:ListBucket",), ("arn:aws:s3:::b",)),),
        (Permission(("s3:ListBucket",), ("arn:aws:s3:::b",), conditions_of({"s3:prefix": ["a/b*"]})),),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::b/*",)),),
        (Permission(("s3:ListBucket",), ("arn:aws:s3:::b/1",)),),
        (Permission(("s3:DeleteObject",), ("arn:aws:s3:::b/1",)),),
        (Permission(("s3:GetObject",), ()),),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::b/1",)), Permission(("iam:CreateUser",), ())),
        (),
    ],
)
def test_rev_07_more_is_refused(permissions):
    assert code(narrowed, WIDE, NarrowedApproval(permissions, 300)) == "not_narrower"


def test_rev_07_approvals_of_the_whole_do_not_count_for_less_and_the_other_way_round():
    one = after(WIDE, "bob")
    less = narrowed(one, NarrowedApproval((WIDE.permissions[1],), 60))
    assert after(less, "carol").approvals == ()
    assert has_enough_approvals(after(less, "carol", "bob"))
    assert code(cast, under_review(less), a_vote("carol", WIDE), GROUPS) == "review_changed"


def test_rev_07_a_repeat_of_the_vote_that_narrowed_a_request_is_not_said_to_be_of_another_reviewer():
    """Its first answer was lost."""
    less = narrowed(WIDE, NarrowedApproval((WIDE.permissions[1],), 60))
    voted = cast(under_review(less), a_vote("alice", less), GROUPS)
    for name, said in (("alice", "You approved it as it is now."), ("carol", "A reviewer narrowed it,")):
        with pytest.raises(Problem) as refused:
            cast(under_review(voted), a_vote(name, WIDE), GROUPS)
        assert (refused.value.code, said in refused.value.detail) == ("review_changed", True), name
