"""What reviewers are shown: all from the grant and the tables, and what is new in it."""

from dataclasses import replace

import pytest

from jitney import resources
from jitney.core.access.break_glass import FollowUp, FollowUpVerdict
from jitney.core.access.grant import GrantEnd, State
from jitney.core.access.request import Permission
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.config import ReviewerGroup
from jitney.core.patterns import MAX_REQUEST_STEPS, Pattern
from jitney.core.review.access_wording import accesses
from jitney.core.review.sheet import GroupApproval, RequestedAction, sheet_of
from jitney.core.review.wording import new_access
from tests.core.access.test_conditions import hostile
from tests.core.review.samples import under_review
from tests.core.review.test_votes import GROUPS, after
from tests.fakes import GRANT, NOW, PENDING
from tests.identities import identity

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
ONE, TWO = "arn:aws:s3:::reports/2026/1", "arn:aws:s3:::reports/2027/1"
WRITES = replace(PENDING, permissions=(Permission(("s3:PutObject", "s3:GetObject"), (ONE, TWO)),))


def lines(*history):
    return sheet_of(under_review(WRITES), {}, ACTIONS, (), history, NOW).actions


def test_rev_10_each_action_is_shown_with_its_level_and_all_its_resources():
    assert lines() == (
        RequestedAction("s3:PutObject", AccessLevel.WRITE, (ONE, TWO), (ONE, TWO), harm="moderate"),
        RequestedAction("s3:GetObject", AccessLevel.READ, (ONE, TWO), (ONE, TWO)),
    )


def test_rev_11_what_a_grant_of_before_reached_is_not_new():
    # The sample grant reads reports/2026/*.
    assert [line.new for line in lines(GRANT)] == [(ONE, TWO), (TWO,)]


def test_rev_11_new_access_is_counted_and_marked_unless_all_is_new():
    two = replace(WRITES, permissions=(Permission(("s3:PutObject",), (ONE,)), Permission(("s3:GetObject",), (ONE,))))
    for history, said, marked in (
        ((GRANT,), "1 of 2 pairs of an action and a resource, marked above. ", [f"{ONE} (new)", ONE]),
        ((), "all of it. ", [ONE, ONE]),
    ):
        sheet = sheet_of(under_review(two), {}, ACTIONS, (), history, NOW)
        assert new_access(sheet).startswith(said)
        assert [arn for each in accesses(sheet) for arn in each.resources] == marked


TAKEN_BACK = {
    "revoked": {"state": State.REVOKED, "ending": GrantEnd(NOW, "corp.olga", "leaked")},
    "objected to": {"follow_up": FollowUp(identity("corp.alice"), FollowUpVerdict.OBJECT, "no outage", NOW)},
}
IN_ORDER = {
    "released": {"state": State.RELEASED, "ending": GrantEnd(NOW, "corp.agent", "")},
    "confirmed": {"follow_up": FollowUp(identity("corp.alice"), FollowUpVerdict.CONFIRM, "an outage", NOW)},
}


@pytest.mark.parametrize("change", TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_rev_11_what_was_objected_to_stays_new(change):
    shown = lines(replace(GRANT, **change))
    assert [(line.new, line.revoked) for line in shown] == [((ONE, TWO), ()), ((ONE, TWO), (ONE,))]


@pytest.mark.parametrize("change", IN_ORDER.values(), ids=IN_ORDER)
def test_rev_11_what_ended_in_order_is_not_new(change):
    assert [line.new for line in lines(replace(GRANT, **change))] == [(ONE, TWO), (TWO,)]


@pytest.mark.parametrize(
    "other",
    [
        {"role_arn": "arn:aws:iam::444455556666:role/other"},
        {"starts_at": None},
        {"permissions": (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/2",)),)},
        {"permissions": (Permission(("s3:*",), ("*",)),)},
    ],
)
def test_rev_11_only_what_was_granted_with_the_same_action_on_the_same_role_counts(other):
    assert [line.new for line in lines(replace(GRANT, **other))] == [(ONE, TWO), (ONE, TWO)]


def test_rev_11_what_was_granted_on_another_role_of_the_target_is_not_new():
    assert [line.new for line in lines(replace(GRANT, role_arn=f"{GRANT.role_arn}.role2"))] == [(ONE, TWO), (TWO,)]


def test_rev_11_the_search_for_new_access_is_bounded(monkeypatch):
    steps = 0
    step = Pattern.step

    def counted(pattern, positions, character):
        nonlocal steps
        steps += 1
        return step(pattern, positions, character)

    monkeypatch.setattr(Pattern, "step", counted)
    bucket = ("arn:aws:s3:::reports",)
    arns = [f"arn:aws:s3:::{number:02d}a*{'ab' * 60}*{number:02d}{'ab' * 60}*{'a' * 60}*" for number in range(40)]
    history = [
        replace(
            GRANT,
            permissions=(
                Permission(("s3:ListBucket",), bucket, hostile(number, 20)),
                Permission(("s3:GetObject",), (f"arn:aws:s3:::*a{number:02d}*{'ab' * 60}*{'a' * 60}*",)),
            ),
        )
        for number in range(20)
    ]
    lists = Permission(("s3:ListBucket",), bucket, hostile(99, 20))
    asked = replace(PENDING, permissions=(lists, Permission(("s3:GetObject",), tuple(arns))))
    shown = sheet_of(under_review(asked), {}, ACTIONS, (), history, NOW).actions
    assert [line.new for line in shown] == [bucket, tuple(arns)]
    assert 0 < steps <= 2 * MAX_REQUEST_STEPS


def test_rev_10_the_groups_show_who_may_and_who_has():
    one = after(replace(PENDING, reviews=(("owners", "security"),)), "alice")
    shown = sheet_of(under_review(one), GROUPS, ACTIONS, (), (), NOW).group_approvals
    assert shown == (
        GroupApproval("owners", 2, ("corp.alice", "corp.bob", "corp.carol"), ("corp.alice",)),
        GroupApproval("security", 1, ("corp.alice", "corp.dora"), ("corp.alice",)),
    )


def test_rev_05_the_requester_is_not_among_the_eligible():
    own = replace(PENDING, human=identity("corp.bob"))
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    assert sheet_of(under_review(own), groups, ACTIONS, (), (), NOW).group_approvals[0].members == ("corp.alice",)
