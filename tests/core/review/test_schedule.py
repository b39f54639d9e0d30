"""What is due when in a review (row REV 6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.config import ReviewerGroup
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import NEVER_CHECKED, checked_at, due, has_changed_since, next_change_at
from tests.fakes import NOW, PENDING

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
        since, now = now, now + step.wait_seconds + late
    return sent


def test_rev_06_reviewers_are_asked_then_reminded_with_twice_the_pause():
    assert notices(GRANT, PLAIN) == [("requested", 0), ("reminded", 600), ("reminded", 1800)]


def test_rev_06_a_group_that_does_not_answer_escalates_between():
    assert notices(GRANT, ESCALATING) == [("requested", 0), ("reminded", 600), ("escalated", 900), ("reminded", 1800)]


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
    assert due(GRANT, ESCALATING, NOW, NOW + 2000).notice is Notice.ESCALATED


def test_a_look_that_comes_too_early_waits_for_the_rest():
    assert due(GRANT, PLAIN, NOW, NOW + 599) == (None, 1)


@pytest.mark.parametrize("since", [600, 601, 1799])
def test_rev_06_what_was_notified_at_the_last_check_is_not_notified_again(since: int):
    assert due(GRANT, PLAIN, NOW + since, NOW + 1799).notice is None


def test_rev_03_a_restarted_review_is_notified_once():
    anew = replace(GRANT, review_restarted_at=NOW + 100)
    assert due(anew, PLAIN, NEVER_CHECKED, NOW + 100).notice is Notice.REQUESTED
    for since, now in ((NOW, NOW + 100), (NOW + 100, NOW + 100), (NOW, NOW + 2000)):
        assert due(anew, PLAIN, since, now).notice is Notice.REVIEW_RESTARTED
        assert due(anew, PLAIN, checked_at(anew, now), now + 1).notice is None
    assert due(anew, PLAIN, checked_at(anew, NOW + 100), NOW + 600).notice is Notice.REMINDED


def test_rev_07_a_narrowed_request_is_notified_once():
    less = replace(GRANT, narrowed_at=NOW + 100)
    assert due(less, PLAIN, NEVER_CHECKED, NOW + 100).notice is Notice.REQUESTED
    for since, now in ((NOW, NOW + 100), (NOW + 100, NOW + 100), (NOW, NOW + 700)):
        assert has_changed_since(less, since)
        assert due(less, PLAIN, since, now).notice is Notice.NARROWED
        assert not has_changed_since(less, checked_at(less, now))
        assert due(less, PLAIN, checked_at(less, now), now + 1).notice is None
    assert due(less, ESCALATING, NOW, NOW + 900).notice is Notice.ESCALATED  # which notifies more people
    both = replace(less, review_restarted_at=NOW + 50)
    assert due(both, PLAIN, NOW, NOW + 100).notice is Notice.REVIEW_RESTARTED
    assert due(both, PLAIN, NOW + 51, NOW + 100).notice is Notice.NARROWED


def test_rev_13_no_change_in_the_second_of_another_notice_is_lost():
    grant, now = replace(GRANT, review_restarted_at=NOW + 100), NOW + 100
    since = checked_at(grant, now)
    less = replace(grant, narrowed_at=next_change_at(grant, now))
    assert has_changed_since(less, since)
    assert due(less, PLAIN, since, now).notice is Notice.NARROWED
    anew = replace(less, review_restarted_at=next_change_at(less, now))
    assert due(anew, PLAIN, checked_at(less, now), now).notice is Notice.REVIEW_RESTARTED
    glass = BreakGlassUse("corp.alice", "down", "content", next_change_at(anew, now), NOW + 700)
    assert due(replace(anew, break_glass=glass), PLAIN, checked_at(anew, now), now).notice is Notice.BREAK_GLASS
    assert next_change_at(GRANT, now) == next_change_at(replace(GRANT, narrowed_at=NOW), now) == now


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
    step = due(GRANT, ESCALATING, NOW + since, NOW + ahead)
    assert 0 < step.wait_seconds <= 3600 - ahead
