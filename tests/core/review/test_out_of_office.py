"""Delegation in the pure core: who may be a delegate, and how a delegate's votes are counted (REV 6)."""

from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.grant import Grant, Vote, VoteVerdict
from jitney.core.config import Config, ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.review.approval_count import count_represented
from jitney.core.review.content import content_hash
from jitney.core.review.out_of_office import (
    DAY,
    OutOfOffice,
    OutOfOfficeEntries,
    delegate_options,
    parse_out_of_office,
    with_delegates,
)
from jitney.core.review.reviewers import delegations_for, eligible_members, require_reviewer, reviewers, votable_groups
from jitney.core.review.votes import activated, cast, has_enough_approvals, valid_approvals
from tests.core.identity import minting
from tests.core.review.samples import under_review
from tests.core.review.test_votes import code, person
from tests.fakes import NOW, PENDING
from tests.identities import identity

GROUPS = {
    "owners": ReviewerGroup(
        ("corp.alice", "corp.bob"), approvals=2, delegates=("corp.carol", "corp.dave"), escalates_to="security",
        escalates_after_seconds=900,
    ),
    "security": ReviewerGroup(("corp.erin", "corp.carol"), delegates=("corp.bob", "corp.dave")),
}  # fmt: skip
AWAY = OutOfOffice("a-1", identity("corp.bob"), NOW, NOW + DAY, (("owners", identity("corp.carol")),))


def configured(groups) -> Config:
    return replace(minting.config(), reviewers=groups)


def at_work(*absences: OutOfOffice, now: int = NOW):
    return with_delegates(configured(GROUPS), OutOfOfficeEntries(absences), now)


def voted(grant: Grant, human: str, groups, at: int = NOW, verdict: VoteVerdict = VoteVerdict.APPROVE) -> Grant:
    given_in = delegations_for(f"corp.{human}", under_review(grant), groups, at)
    return cast(
        under_review(grant),
        Vote(identity(f"corp.{human}"), verdict, content_hash(grant), "", at, "web", given_in),
        groups,
    )


def test_rev_06_a_delegate_votes_as_themselves_and_the_vote_names_the_delegator():
    groups = at_work(AWAY)
    assert votable_groups("corp.carol", under_review(PENDING), GROUPS, NOW) == frozenset()
    assert votable_groups("corp.carol", under_review(PENDING), groups, NOW) == {"owners"}
    require_reviewer(person("carol"), under_review(PENDING), groups, NOW)
    one = voted(PENDING, "carol", groups)
    assert (one.votes[0].human.name, one.votes[0].delegators) == ("corp.carol", ("corp.bob",))
    assert one.votes[0].delegations == (Delegation("owners", identity("corp.bob"), "a-1", NOW, NOW + DAY),)
    assert not has_enough_approvals(one)
    assert has_enough_approvals(voted(one, "alice", groups))


def test_rev_06_a_delegate_who_has_become_a_reviewer_themselves_needs_no_delegation():
    """Carol is Bob's delegate, and a member of the group to which the request escalates."""
    review, groups, late = under_review(PENDING), at_work(AWAY), PENDING.created_at + 900
    assert [each.delegator.name for each in delegations_for("corp.carol", review, groups, late - 1)] == ["corp.bob"]
    assert delegations_for("corp.carol", review, groups, late) == ()


def test_rev_06_each_person_has_their_own_entry():
    entries = OutOfOfficeEntries((AWAY, AWAY._replace(id="a-2", human=identity("corp.alice"))))
    found = [entries.of(identity(f"corp.{name}")) for name in ("alice", "bob", "carol")]
    assert [each and each.id for each in found] == ["a-2", "a-1", None]


@pytest.mark.parametrize("now", [NOW - 1, NOW + DAY])
def test_rev_06_before_and_after_the_dates_there_is_no_delegate(now):
    away = AWAY._replace(delegates=(("owners", identity("corp.dave")),))
    require_reviewer(person("dave"), under_review(PENDING), at_work(away), NOW)
    assert code(require_reviewer, person("dave"), under_review(PENDING), at_work(away, now=now), now) == "not_reviewer"
    assert not at_work(away, now=now)["owners"].active_delegations
    # Nor by groups that were read while it held.
    assert code(require_reviewer, person("dave"), under_review(PENDING), at_work(away), now) == "not_reviewer"


def test_rev_06_the_end_of_a_delegation_undoes_no_vote():
    one = voted(PENDING, "carol", at_work(AWAY))
    both = voted(one, "alice", at_work(), at=NOW + 60)
    assert has_enough_approvals(both)
    assert valid_approvals(under_review(activated(both, NOW + 60)), GROUPS) == {"owners"}


def test_rev_06_a_votes_delegation_is_checked_again_at_issue():
    active = activated(voted(voted(PENDING, "carol", at_work(AWAY)), "alice", at_work(AWAY)), NOW)
    (place,), *_ = (vote.delegations for vote in active.votes)
    assert valid_approvals(under_review(active), GROUPS) == {"owners"}
    for forged in (
        replace(place, ends_at=NOW),
        replace(place, starts_at=NOW + 1),
        replace(place, delegator="corp.frank"),
        replace(place, delegator=active.principal),
    ):
        votes = (replace(active.votes[0], delegations=(forged,)), active.votes[1])
        assert valid_approvals(under_review(replace(active, votes=votes)), GROUPS) == frozenset(), forged
    dismissed = GROUPS | {"owners": GROUPS["owners"]._replace(delegates=())}
    assert valid_approvals(under_review(active), dismissed) == frozenset()


def test_rev_04_a_member_and_their_delegate_count_once():
    groups = at_work(AWAY)
    both = voted(voted(PENDING, "carol", groups), "bob", groups)
    assert not has_enough_approvals(both)
    assert valid_approvals(under_review(activated(replace(both, approvals=("owners",)), NOW)), GROUPS) == frozenset()
    assert has_enough_approvals(voted(both, "alice", groups))


def test_rev_04_one_delegate_of_two_members_counts_once():
    groups = at_work(AWAY, AWAY._replace(id="a-2", human=identity("corp.alice")))
    one = voted(PENDING, "carol", groups)
    assert one.votes[0].delegators == ("corp.alice", "corp.bob")
    assert not has_enough_approvals(one)
    assert has_enough_approvals(voted(one, "bob", groups))


def test_rev_04_two_delegates_after_one_another_count_once():
    first = voted(PENDING, "carol", at_work(AWAY))
    second = voted(first, "dave", at_work(AWAY._replace(id="a-2", delegates=(("owners", identity("corp.dave")),))))
    assert not has_enough_approvals(second)


def test_rev_05_a_delegate_never_votes_on_their_own_request_nor_on_the_delegators():
    groups = at_work(AWAY)
    for asks in (
        {"principal": "corp.carol", "issuer": minting.CORP},
        {"human": identity("corp.carol")},
        {"agent_owners": (identity("corp.carol"),)},
    ):
        own = replace(PENDING, **asks)
        assert code(require_reviewer, person("carol"), under_review(own), groups, NOW) == "own_request"
        assert "corp.carol" not in reviewers(under_review(own), groups, NOW)
    for asks in (
        {"principal": "corp.bob", "issuer": minting.CORP},
        {"human": identity("corp.bob")},
        {"agent_owners": (identity("corp.bob"),)},
    ):
        own = replace(PENDING, **asks)
        assert code(require_reviewer, person("carol"), under_review(own), groups, NOW) == "not_reviewer"
        assert "corp.carol" not in reviewers(under_review(own), groups, NOW)
    # Even a vote that got in would not be counted.
    one = voted(PENDING, "carol", groups)
    own = replace(one, human=identity("corp.bob"))
    again = replace(own, votes=tuple(replace(vote, content=content_hash(own)) for vote in own.votes))
    assert voted(again, "alice", groups).approvals == ()


def test_rev_05_a_requesters_delegate_decides_for_no_other_member_either():
    groups = at_work(AWAY, AWAY._replace(id="a-2", human=identity("corp.alice")))
    for own in (
        under_review(replace(PENDING, principal="corp.bob", issuer=minting.CORP)),
        under_review(replace(PENDING, human=identity("corp.bob"))),
        under_review(replace(PENDING, agent_owners=(identity("corp.bob"),))),
        under_review(PENDING, owners=("corp.bob",)),
    ):
        assert delegations_for("corp.carol", own, groups, NOW) == ()
        assert code(require_reviewer, person("carol"), own, groups, NOW) == "not_reviewer"
        assert "corp.carol" not in reviewers(own, groups, NOW)
        assert "corp.alice" in reviewers(own, groups, NOW)


def test_rev_05_a_requesters_delegate_does_not_decide_in_their_own_group_meanwhile():
    groups = at_work(AWAY)
    own = replace(PENDING, human=identity("corp.bob"), reviews=(("security",),))
    assert code(require_reviewer, person("carol"), under_review(own), groups, NOW) == "not_reviewer"
    assert eligible_members("security", under_review(own), groups, NOW) == {"corp.erin"}
    # Once bob is back it is theirs again, and what others ask for always was.
    require_reviewer(person("carol"), under_review(own), at_work(), NOW)
    require_reviewer(person("carol"), under_review(replace(own, human=identity("corp.alice"))), groups, NOW)


def test_rev_05_no_possible_delegate_of_a_requester_decides_while_the_requesters_entry_cannot_be_read():
    unread = OutOfOfficeEntries((), frozenset({identity("corp.bob").digest}))
    groups = with_delegates(configured(GROUPS), unread, NOW)
    own = replace(PENDING, human=identity("corp.bob"), reviews=(("security",),))
    assert code(require_reviewer, person("carol"), under_review(own), groups, NOW) == "not_reviewer"
    assert eligible_members("security", under_review(own), groups, NOW) == {"corp.erin"}
    # No delegate votes for bob, and requests of other people are decided as always.
    assert "corp.carol" not in eligible_members("owners", under_review(PENDING), groups, NOW)
    require_reviewer(person("carol"), under_review(replace(own, human=identity("corp.alice"))), groups, NOW)


def test_rev_06_a_delegation_cannot_be_passed_on():
    chain = OutOfOffice("a-2", identity("corp.carol"), NOW, NOW + DAY, (("owners", identity("corp.dave")),))
    groups = at_work(AWAY, chain)
    assert votable_groups("corp.dave", under_review(PENDING), groups, NOW) == frozenset()
    assert code(
        parse_out_of_office,
        "a-3",
        identity("corp.carol"),
        {"owners": "corp.dave"},
        ("", "2026-11-25T12:00"),
        configured(GROUPS),
        NOW,
    ) == ("not_reviewer")
    assert [place.group for place in delegate_options("corp.carol", GROUPS)] == ["security"]


def test_rev_06_only_configured_people_are_delegates():
    stranger = AWAY._replace(delegates=(("owners", identity("corp.frank")),))
    left = AWAY._replace(human=identity("corp.gone"))
    assert at_work(stranger, left) == GROUPS
    assert at_work(AWAY._replace(delegates=(("gone", identity("corp.carol")),))) == GROUPS


def test_rev_06_the_delegate_of_a_notified_member_is_notified():
    groups = GROUPS | {"owners": GROUPS["owners"]._replace(notify=("corp.bob",))}
    assert with_delegates(configured(groups), OutOfOfficeEntries((AWAY,)), NOW)["owners"].notify == (
        "corp.bob",
        "corp.carol",
    )
    groups = GROUPS | {"owners": GROUPS["owners"]._replace(notify=("corp.alice",))}
    assert with_delegates(configured(groups), OutOfOfficeEntries((AWAY,)), NOW)["owners"].notify == ("corp.alice",)


def test_rev_06_a_delegate_is_there_when_a_request_escalates_to_the_delegator():
    groups = at_work(OutOfOffice("a-2", identity("corp.erin"), NOW, NOW + DAY, (("security", identity("corp.dave")),)))
    late = PENDING.created_at + 900
    assert votable_groups("corp.dave", under_review(PENDING), groups, late - 1) == frozenset()
    assert votable_groups("corp.dave", under_review(PENDING), groups, late) == {"owners"}
    assert "corp.dave" in eligible_members("owners", under_review(PENDING), groups, late)
    assert has_enough_approvals(voted(voted(PENDING, "dave", groups, at=late), "alice", groups, at=late))


def test_rev_06_a_delegates_vote_counts_for_no_group_that_has_not_escalated_yet():
    """Policy requires owners and security. Dave votes for erin of security, to which owners escalates later."""
    owners = GROUPS["owners"]._replace(approvals=1)
    config = configured(GROUPS | {"owners": owners})
    away = OutOfOffice("a-2", identity("corp.erin"), NOW, NOW + DAY, (("security", identity("corp.dave")),))
    groups, late = with_delegates(config, OutOfOfficeEntries((away,)), NOW), PENDING.created_at + 900
    both = replace(PENDING, reviews=(("owners", "security"),))
    early = voted(both, "dave", groups, at=late - 1)
    assert (early.approvals, has_enough_approvals(early)) == (("security",), False)
    assert voted(early, "dave", groups, at=late).approvals == ("owners", "security")
    active = activated(replace(early, approvals=("owners", "security")), late)
    assert valid_approvals(under_review(active), groups) == {"security"}


def test_rev_04_a_delegates_vote_stays_one_after_an_escalation_to_their_own_group():
    """Carol votes for bob who is away; then owners escalates to carol's group, and bob is back and votes."""
    groups, late = at_work(AWAY), PENDING.created_at + 900
    both = voted(voted(PENDING, "carol", groups), "bob", GROUPS, at=late)
    assert not has_enough_approvals(both)
    assert valid_approvals(under_review(activated(replace(both, approvals=("owners",)), late)), GROUPS) == frozenset()
    whole = voted(both, "alice", GROUPS, at=late + 1)
    assert has_enough_approvals(whole)
    assert valid_approvals(under_review(activated(whole, late + 1)), GROUPS) == {"owners"}


def test_rev_04_a_member_of_one_group_does_not_replace_a_withdrawn_delegate_of_another():
    """Bob stood in for erin; the configuration withdraws that, and alice is of owners alone."""
    groups = GROUPS | {"security": GROUPS["security"]._replace(members=("corp.erin", "corp.frank"), approvals=2)}
    away = with_delegates(
        configured(groups),
        OutOfOfficeEntries(
            (OutOfOffice("a-2", identity("corp.erin"), NOW, NOW + DAY, (("security", identity("corp.bob")),)),)
        ),
        NOW,
    )
    both = replace(PENDING, reviews=(("owners", "security"),))
    for human in ("alice", "bob", "frank"):
        both = voted(both, human, away)
    active = activated(both, NOW)
    assert has_enough_approvals(active)
    assert valid_approvals(under_review(active), groups) == {"owners", "security"}
    withdrawn = groups | {"security": groups["security"]._replace(delegates=())}
    assert valid_approvals(under_review(active), withdrawn) == {"owners"}


def test_rev_06_a_voter_of_one_group_can_still_vote_as_a_delegate_in_another():
    both = replace(PENDING, reviews=(("owners", "security"),))
    one = voted(both, "carol", GROUPS)
    assert one.approvals == ("security",)
    assert voted(one, "carol", GROUPS, at=NOW + 1) is one
    again = voted(voted(one, "alice", GROUPS), "carol", at_work(AWAY), at=NOW + 2)
    assert (has_enough_approvals(again), len(again.votes)) == (True, 2)


SPANS = {
    "no end": ("", ""),
    "ends before it begins": ("2026-11-26T12:00", "2026-11-25T12:00"),
    "ends as it begins": ("2026-11-26T12:00", "2026-11-26T12:00"),
    "over already": ("2026-11-01T12:00", "2026-11-24T12:00"),
    "over 30 days": ("2026-11-25T00:00", "2026-12-25T00:01"),
    "over 30 days from now": ("", "2026-12-24T12:01"),
    "in more than a year": ("2027-11-25T12:01", "2027-11-26T12:00"),
    "no time": ("2026-11-26", "2026-11-27"),
    "no number": ("tomorrow", "2026-11-27T12:00"),
    "no such day": ("", "2026-11-31T12:00"),
}


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_rev_06_an_out_of_office_is_bounded(span):
    assert (
        code(parse_out_of_office, "a-1", identity("corp.bob"), {"owners": "corp.carol"}, span, configured(GROUPS), NOW)
        == "request_invalid"
    )


@pytest.mark.parametrize("chosen", [{}, {"owners": "corp.frank"}, {"owners": "corp.alice"}, {"owners": "corp.bob"}])
def test_rev_06_only_who_is_named_can_be_chosen(chosen):
    assert (
        code(
            parse_out_of_office, "a-1", identity("corp.bob"), chosen, ("", "2026-11-25T12:00"), configured(GROUPS), NOW
        )
        == "request_invalid"
    )


def test_rev_06_an_out_of_office_is_as_requested_and_read_back_as_written():
    span = ("2026-11-25T08:30", "2026-12-25T08:30:00")
    absence = parse_out_of_office("a-1", identity("corp.bob"), {"owners": "corp.carol"}, span, configured(GROUPS), NOW)
    assert (absence.starts_at - NOW, absence.ends_at - absence.starts_at) == (73_800, 30 * DAY)
    assert OutOfOffice.read(absence.text()) == absence
    begun = parse_out_of_office(
        "a-1",
        identity("corp.bob"),
        {"owners": "corp.carol"},
        ("2020-01-01T00:00", "2026-11-25T12:00"),
        configured(GROUPS),
        NOW,
    )
    assert begun.starts_at == NOW


@given(st.lists(st.frozensets(st.sampled_from("abcd"), max_size=3), max_size=5))
def test_rev_04_votes_represent_as_many_members_as_can_be_assigned(votes):
    chosen = [[*places, None] for places in votes]
    ways = ([place for place in way if place] for way in product(*chosen))
    most = max((len(way) for way in ways if len(way) == len(set(way))), default=0)
    assert {count_represented(order) for order in list(permutations(votes))[:24]} == {most}
