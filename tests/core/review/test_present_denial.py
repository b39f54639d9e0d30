"""What a sheet says that present policies deny (row REV 10)."""

from dataclasses import replace

from jitney import resources
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.review.present_denial import with_denial
from jitney.core.review.sheet import Sheet, sheet_of
from tests.core.review.samples import under_review
from tests.core.review.test_votes import GROUPS
from tests.fakes import CALL, NOW, PENDING

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
WHOLE = Permission(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::reports/1",))
READS = Permission(("s3:GetObject",), WHOLE.resources)
DENIED = Decision(Effect.DENY, (), (WHOLE,), "v1", "table", allowed_subset=(READS,), longest_seconds=60)


def denied(grant: Grant, decision: Decision = DENIED) -> Sheet:
    return with_denial(sheet_of(under_review(grant), GROUPS, ACTIONS, (), (), NOW), decision)


def test_rev_10_a_part_of_a_request_can_be_approved():
    sheet = denied(replace(PENDING, permissions=(WHOLE,)))
    assert (sheet.part_only, sheet.undecidable, sheet.most_seconds) == (
        "Policies deny this request now: no policy permits it.",
        "",
        60,
    )
    assert {each.action: each.denied for each in sheet.actions} == {
        "s3:GetObject": (),
        "s3:PutObject": WHOLE.resources,
    }


def test_rev_10_a_part_of_a_call_cannot_be_approved():
    sheet = denied(replace(PENDING, permissions=(WHOLE,), call=CALL))
    assert (sheet.part_only, sheet.undecidable) == ("", "Policies deny this request now: no policy permits it.")
    assert {each.denied for each in sheet.actions} == {()}


def test_rev_10_a_request_without_a_permitted_part_is_undecidable():
    sheet = denied(PENDING, replace(DENIED, allowed_subset=(), longest_seconds=0))
    assert (sheet.part_only, bool(sheet.undecidable)) == ("", True)


def test_rev_10_other_reviewers_are_named_only_if_no_requested_approval_suffices():
    either = replace(PENDING, reviews=(("owners",), ("security",)))
    one = replace(DENIED, effect=Effect.REVIEW, reviews=(frozenset({"chiefs"}), frozenset({"security"})))
    assert denied(either, one).other_reviewers == ()
    assert denied(either, replace(one, reviews=one.reviews[:1])).other_reviewers == (("chiefs",),)
