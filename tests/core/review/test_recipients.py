"""The people who are notified of a request by name (REV 6)."""

from dataclasses import replace

import pytest

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import GrantEnd, State
from jitney.core.config import ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.review.notices import Notice
from jitney.core.review.recipients import people_asked, recipients
from jitney.core.stored_identity import identity_of
from tests.core.review.samples import under_review
from tests.core.review.test_votes import EITHER, GROUPS, after
from tests.fakes import NOW, PENDING
from tests.identities import identity

FEWER = GROUPS | {"owners": GROUPS["owners"]._replace(notify=("corp.bob",))}
LATER = PENDING.created_at + 900
ASKED_OWNERS = replace(PENDING, reviews=(("owners",),))
ASKED_SECURITY = replace(PENDING, reviews=(("security",),))
BEFORE = (Notice.REQUESTED, Notice.REMINDED, Notice.ESCALATED)


def notified(grant, groups=GROUPS, notice=Notice.REQUESTED, now=NOW):
    return [name.removeprefix("corp.") for name in recipients(notice, under_review(grant), groups, now)]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_all_who_may_approve_are_notified(notice):
    assert notified(EITHER, notice=notice) == ["alice", "bob", "carol", "dora"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_fewer_may_be_notified_than_may_approve(notice):
    assert notified(ASKED_OWNERS, FEWER, notice) == ["bob"]


@pytest.mark.parametrize("notice", BEFORE)
def test_rev_13_a_request_for_the_only_notified_member_reaches_the_others(notice):
    own = replace(ASKED_OWNERS, human=identity("corp.bob"))
    assert notified(own, FEWER, notice) == ["alice", "carol"]
    assert [each.removeprefix("corp.") for each in people_asked(under_review(own), FEWER, NOW)] == ["alice", "carol"]
    without_bob = FEWER | {"owners": FEWER["owners"]._replace(members=("corp.alice", "corp.carol"))}
    assert notified(ASKED_OWNERS, without_bob, notice) == ["alice", "carol"]  # he is suspended


def test_rev_13_once_all_notified_members_voted_reminders_reach_the_others():
    voted = after(ASKED_OWNERS, "bob")
    assert notified(voted, FEWER, Notice.REMINDED) == ["alice", "carol"]
    assert notified(voted, FEWER, Notice.DECIDED) == ["bob"]
    assert notified(replace(voted, duration_seconds=60), FEWER, Notice.NARROWED) == ["bob"]


def test_rev_06_a_notified_members_delegate_is_notified_too():
    place = Delegation("owners", identity("corp.bob"), "a-1", NOW, NOW + 60)
    others = Delegation("owners", identity("corp.carol"), "a-2", NOW, NOW + 60)
    away = FEWER | {
        "owners": FEWER["owners"]._replace(active_delegations=(("corp.frank", place), ("corp.gina", others)))
    }
    assert notified(ASKED_OWNERS, away) == ["bob", "frank"]
    assert notified(ASKED_OWNERS, away, now=NOW + 60) == ["bob"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_after_an_escalation_all_are_notified(notice):
    fewer = GROUPS | {"security": GROUPS["security"]._replace(notify=("corp.dora",))}
    assert notified(ASKED_SECURITY, fewer, notice, LATER - 1) == ["dora"]
    assert notified(ASKED_SECURITY, fewer, notice, LATER) == ["alice", "dora", "erin"]


def test_rev_06_voters_get_no_reminder_but_the_decision():
    voted = after(EITHER, "carol")
    for notice in BEFORE:
        assert notified(voted, notice=notice) == ["alice", "bob", "dora"]
    changed = replace(voted, duration_seconds=60)  # it is not what she voted on
    assert "carol" in notified(changed, notice=Notice.REMINDED)
    assert notified(after(ASKED_OWNERS, "carol"), FEWER, Notice.DECIDED) == ["bob", "carol"]


def test_rev_06_an_escalation_reaches_a_voter_whose_vote_then_counts_for_another_group():
    """Erin approved for the chiefs. Security escalates to her group, and only her second vote can be for both."""
    both = replace(PENDING, reviews=(("chiefs", "security"),))
    voted = after(both, "erin")
    assert notified(voted, notice=Notice.REMINDED, now=LATER - 1) == ["alice", "dora"]
    for notice in (Notice.REMINDED, Notice.ESCALATED):
        assert notified(voted, notice=notice, now=LATER) == ["alice", "dora", "erin"]
    assert after(voted, "erin", at=LATER).approvals == ("chiefs", "security")
    assert notified(after(voted, "alice"), notice=Notice.ESCALATED, now=LATER) == ["dora"]


def test_rev_06_voters_get_no_reminder_under_another_alias():
    (vote,) = after(ASKED_OWNERS, "bob").votes
    renamed = replace(vote, human=identity_of("former.bob", vote.human.issuer))
    assert notified(replace(ASKED_OWNERS, votes=(renamed,)), FEWER, Notice.REMINDED) == ["alice", "carol"]


def test_rev_06_a_decision_that_is_sent_again_goes_to_no_one_who_was_not_asked_before_it():
    fewer = GROUPS | {"security": GROUPS["security"]._replace(notify=("corp.dora",))}
    for decided in (
        replace(after(ASKED_SECURITY, "dora"), state=State.ACTIVE, starts_at=LATER - 1),
        ASKED_SECURITY.end(State.RELEASED, GrantEnd(LATER - 1, "corp.agent", "")),
    ):
        assert notified(decided, fewer, Notice.DECIDED, LATER + 60) == ["dora"]
    late = replace(ASKED_SECURITY, state=State.ACTIVE, starts_at=LATER)
    for decided in (late, ASKED_SECURITY.move(State.FAILED)):
        assert notified(decided, fewer, Notice.DECIDED, LATER + 60) == ["alice", "dora", "erin"]


def test_rev_07_earlier_voters_are_notified_of_a_narrowed_request_and_its_chooser_is_not():
    voted = after(ASKED_OWNERS, "carol")
    less = after(replace(voted, duration_seconds=60), "alice")
    assert notified(less, FEWER, Notice.NARROWED) == ["bob", "carol"]
    assert notified(less, FEWER, Notice.REMINDED) == ["bob"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_05_a_requester_is_not_notified_as_a_reviewer(notice):
    own = replace(EITHER, human=identity("corp.bob"))
    groups = {"owners": ReviewerGroup(("corp.bob", "corp.carol", own.principal), notify=("corp.bob", "corp.carol"))}
    assert notified(own, groups, notice) == ["carol"]


def test_a_group_that_is_no_longer_configured_notifies_no_one():
    assert notified(EITHER, {}) == []


def test_rev_08_all_are_notified_of_break_glass_and_possible_followers_up_are_reminded():
    glass = BreakGlassUse(identity("corp.alice"), "down", "content", NOW, NOW + 3600, notified=(identity("corp.olga"),))
    grant = replace(PENDING, human=identity("corp.harriet"), reviews=(("owners",), ("security",)), break_glass=glass)
    groups = {
        "owners": ReviewerGroup(
            ("corp.alice", "corp.bob", "corp.harriet"), notify=("corp.bob",), escalates_to="chiefs"
        ),
        "security": ReviewerGroup(("corp.dora",)),
        "chiefs": ReviewerGroup(("corp.erin",)),
        "others": ReviewerGroup(("corp.oscar",)),
    }
    reviewers = ("corp.bob", "corp.dora", "corp.erin")
    everybody = tuple(sorted((*reviewers, "corp.alice", "corp.harriet", "corp.olga")))
    assert recipients(Notice.BREAK_GLASS, under_review(grant), groups, NOW) == everybody
    assert recipients(Notice.FOLLOW_UP_DUE, under_review(grant), groups, NOW) == reviewers
    assert recipients(Notice.DECIDED, under_review(grant), groups, NOW) == everybody
