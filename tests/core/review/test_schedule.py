"""What is due when in a review (row REV 6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import Grant
from jitney.core.config import ReviewerGroup
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import NEVER_CHECKED, ScheduleCheck, due, has_changed_since, next_change_at
from tests.fakes import NOW, PENDING
from tests.identities import identity

GRANT = replace(PENDING, created_at=NOW, expires_at=NOW + 3600, reviews=(("owners",), ("security", "legal")))
PLAIN = {"owners": ReviewerGroup(("corp.alice",))}
ESCALATING = {
    "owners": ReviewerGroup(("corp.alice",), escalates_to="security", escalates_after_seconds=900),
    "security": ReviewerGroup(("corp.bob",)),
}


def notices(grant, groups, *, late: int = 0):
    """Each notice of a whole review with the second that it came at, when each wait takes `late` seconds longer."""
    sent, since, now = [], NEVER_CHECKED, grant.created_at
    while now < grant.expires_at:
        step = due(grant, groups, since, now)
        if step.notice:
            sent.append((str(step.notice), now - grant.created_at))
        since, now = since.next(grant, now), now + step.wait_seconds + late
    return sent


def test_rev_06_reviewers_are_asked_then_reminded_with_twice_the_pause():
    assert notices(GRANT, PLAIN) == [("requested", 0), ("reminded", 600), ("reminded", 1800)]


def test_rev_06_a_group_that_does_not_answer_escalates_between():
    assert notices(GRANT, ESCALATING) == [("requested", 0), ("reminded", 600), ("escalated", 900), ("reminded", 1800)]


def test_rev_06_a_restarted_review_escalates_later():
    restarted = replace(GRANT, review_restarted_at=NOW + 1000)
    assert dict(notices(restarted, ESCALATING))["escalated"] == 1900


def test_rev_06_a_group_that_has_approved_does_not_escalate():
    assert "escalated" not in dict(notices(replace(GRANT, approvals=("owners",)), ESCALATING))


@pytest.mark.parametrize("to", ["", "nobody"])
def test_a_group_without_an_escalation_does_not_escalate(to: str):
    groups = {"owners": ReviewerGroup(("corp.alice",), escalates_to=to, escalates_after_seconds=900)}
    assert "escalated" not in dict(notices(GRANT, groups))


def test_an_escalation_after_the_end_does_not_come():
    groups = ESCALATING | {"owners": ESCALATING["owners"]._replace(escalates_after_seconds=4000)}
    assert "escalated" not in dict(notices(GRANT, groups))


def test_what_comes_at_once_is_one_notice():
    assert due(GRANT, ESCALATING, ScheduleCheck(NOW), NOW + 2000).notice is Notice.ESCALATED


def test_a_look_that_comes_too_early_waits_for_the_rest():
    assert due(GRANT, PLAIN, ScheduleCheck(NOW), NOW + 599) == (None, 1)


@pytest.mark.parametrize("since", [600, 601, 1799])
def test_rev_06_what_was_notified_at_the_last_check_is_not_notified_again(since: int):
    assert due(GRANT, PLAIN, ScheduleCheck(NOW + since), NOW + 1799).notice is None


def changed(grant: Grant, name: str, now: int) -> Grant:
    """The grant after one more change, as the functions that make it write its time."""
    at = next_change_at(grant, now)
    if name == "break_glass":
        return replace(grant, break_glass=BreakGlassUse(identity("corp.alice"), "down", "content", at, at + 600))
    return replace(grant, **{name: at})


CHANGES = {
    "review_restarted_at": Notice.REVIEW_RESTARTED,
    "narrowed_at": Notice.NARROWED,
    "break_glass": Notice.BREAK_GLASS,
}
SKEW = 60
"""Seconds by which the clocks of two functions may differ."""


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("skew", [-SKEW, -1, 0, 1, SKEW])
def test_rev_13_each_change_is_notified_once_although_clocks_differ(name: str, skew: int):
    """The function that changes the grant has another clock than the one that checks it."""
    since, grant = NEVER_CHECKED.next(GRANT, NOW), GRANT
    for changes in range(1, 4):
        assert not has_changed_since(grant, since)
        grant = changed(grant, name, NOW + skew)
        assert has_changed_since(grant, since)
        assert due(grant, PLAIN, since, NOW + 1).notice is CHANGES[name]
        since = since.next(grant, NOW + 1)
        assert due(grant, PLAIN, since, NOW + 1).notice is None, f"after change {changes}"


@pytest.mark.parametrize("name", CHANGES)
def test_rev_13_a_change_before_the_first_notice_needs_none_of_its_own(name: str):
    grant = changed(GRANT, name, NOW + SKEW)
    first = Notice.BREAK_GLASS if name == "break_glass" else Notice.REQUESTED
    assert due(grant, PLAIN, NEVER_CHECKED, NOW).notice is first
    assert due(grant, PLAIN, NEVER_CHECKED.next(grant, NOW), NOW).notice is None


def test_rev_06_of_several_notices_at_once_the_one_that_reaches_most_people_is_sent():
    since = NEVER_CHECKED.next(GRANT, NOW)
    less = changed(GRANT, "narrowed_at", NOW + 100)
    assert due(less, ESCALATING, since, NOW + 900).notice is Notice.ESCALATED
    assert due(less, PLAIN, since, NOW + 700).notice is Notice.NARROWED
    restarted = changed(GRANT, "review_restarted_at", NOW + 100)
    assert due(restarted, ESCALATING, since, NOW + 900).notice is Notice.REVIEW_RESTARTED
    both = changed(restarted, "narrowed_at", NOW + 100)
    assert due(both, PLAIN, since, NOW + 101).notice is Notice.REVIEW_RESTARTED
    assert due(both, PLAIN, since.next(restarted, NOW + 100), NOW + 101).notice is Notice.NARROWED


def test_rev_06_no_check_is_before_an_earlier_one():
    """A workflow would not keep the token of such a wait, and the review would fail."""
    since = NEVER_CHECKED.next(GRANT, NOW + SKEW)
    assert since.next(GRANT, NOW).at == since.at


def test_rev_06_a_check_from_before_an_upgrade_has_only_its_time():
    grant = changed(GRANT, "narrowed_at", NOW)
    assert has_changed_since(grant, ScheduleCheck.read(NOW))
    assert not has_changed_since(grant, ScheduleCheck.read(NOW + 1))
    assert ScheduleCheck.read(0) == NEVER_CHECKED
    assert ScheduleCheck.read(ScheduleCheck(NOW, 7)._asdict()) == (NOW, 7)


@given(length=st.integers(1, 700_000), after=st.integers(1, 700_000), late=st.integers(0, 100))
def test_rev_06_every_review_is_asked_once_and_ends(length: int, after: int, late: int):
    grant = replace(GRANT, expires_at=NOW + length)
    groups = ESCALATING | {"owners": ESCALATING["owners"]._replace(escalates_after_seconds=after)}
    sent = notices(grant, groups, late=late)
    names = [name for name, _ in sent]
    assert names[0] == "requested"
    assert names.count("requested") == 1
    assert names.count("escalated") <= 1
    assert names.count("reminded") <= 2
    if not late:
        assert names.count("escalated") == (after < length)


@given(since=st.integers(0, 3600), ahead=st.integers(0, 3599))
def test_the_next_look_is_in_the_review_and_later(since: int, ahead: int):
    step = due(GRANT, ESCALATING, ScheduleCheck(NOW + since), NOW + ahead)
    assert 0 < step.wait_seconds <= 3600 - ahead
