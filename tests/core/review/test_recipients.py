"""Who is told of a request by name (REV 6)."""

from dataclasses import replace

import pytest

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.config import ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.review.notices import Notice
from jitney.core.review.recipients import recipients
from tests.core.review.samples import under_review
from tests.core.review.test_votes import EITHER, GROUPS, after
from tests.fakes import NOW, PENDING

FEWER = GROUPS | {"owners": GROUPS["owners"]._replace(notify=("corp.bob",))}
LATER = PENDING.created_at + 900
ASKED_OWNERS = replace(PENDING, reviews=(("owners",),))
ASKED_SECURITY = replace(PENDING, reviews=(("security",),))
BEFORE = (Notice.ASKED, Notice.REMINDED, Notice.ESCALATED)


def told(grant, groups=GROUPS, notice=Notice.ASKED, now=NOW):
    return [name.removeprefix("corp.") for name in recipients(notice, under_review(grant), groups, now)]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_everybody_who_may_approve_is_told(notice):
    assert told(EITHER, notice=notice) == ["alice", "bob", "carol", "dora"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_those_who_are_told_may_be_fewer_than_those_who_may_approve(notice):
    assert told(ASKED_OWNERS, FEWER, notice) == ["bob"]


def test_rev_06_who_stands_in_for_one_who_is_told_is_told_too():
    place = Delegation("owners", "corp.bob", "a-1", NOW, NOW + 60)
    others = Delegation("owners", "corp.carol", "a-2", NOW, NOW + 60)
    away = FEWER | {
        "owners": FEWER["owners"]._replace(active_delegations=(("corp.frank", place), ("corp.gina", others)))
    }
    assert told(ASKED_OWNERS, away) == ["bob", "frank"]
    assert told(ASKED_OWNERS, away, now=NOW + 60) == ["bob"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_06_once_it_has_escalated_everybody_is_told(notice):
    fewer = GROUPS | {"security": GROUPS["security"]._replace(notify=("corp.dora",))}
    assert told(ASKED_SECURITY, fewer, notice, LATER - 1) == ["dora"]
    assert told(ASKED_SECURITY, fewer, notice, LATER) == ["alice", "dora", "erin"]


def test_rev_06_who_has_voted_is_not_reminded_but_told_what_was_decided():
    voted = after(EITHER, "carol")
    for notice in BEFORE:
        assert told(voted, notice=notice) == ["alice", "bob", "dora"]
    changed = replace(voted, duration_seconds=60)  # it is not what she voted on
    assert "carol" in told(changed, notice=Notice.REMINDED)
    assert told(after(ASKED_OWNERS, "carol"), FEWER, Notice.DECIDED) == ["bob", "carol"]


def test_rev_07_whose_vote_was_for_more_is_told_that_less_waits_and_who_chose_it_is_not():
    voted = after(ASKED_OWNERS, "carol")
    less = after(replace(voted, duration_seconds=60), "alice")
    assert told(less, FEWER, Notice.NARROWED) == ["bob", "carol"]
    assert told(less, FEWER, Notice.REMINDED) == ["bob"]


@pytest.mark.parametrize("notice", Notice)
def test_rev_05_whoever_asks_is_not_told_as_a_reviewer(notice):
    own = replace(EITHER, human="corp.bob")
    groups = {"owners": ReviewerGroup(("corp.bob", "corp.carol", own.principal), notify=("corp.bob", "corp.carol"))}
    assert told(own, groups, notice) == ["carol"]


def test_nobody_is_told_for_a_group_that_is_no_longer_configured():
    assert told(EITHER, {}) == []


def test_rev_08_everybody_is_told_of_a_broken_glass_and_those_who_may_look_at_it_are_reminded():
    glass = BreakGlassUse("corp.alice", "down", "content", NOW, NOW + 3600, notified=("corp.olga",))
    grant = replace(PENDING, human="corp.harriet", reviews=(("owners",), ("security",)), break_glass=glass)
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
    assert recipients(Notice.BROKEN, under_review(grant), groups, NOW) == everybody
    assert recipients(Notice.FOLLOW_UP_DUE, under_review(grant), groups, NOW) == reviewers
    assert recipients(Notice.DECIDED, under_review(grant), groups, NOW) == everybody
