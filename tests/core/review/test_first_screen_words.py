"""What a reviewer reads first: the sentence, the level of harm, like requests before, and what was not granted."""

import re
from dataclasses import replace
from typing import Any

import pytest

from jitney import resources
from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.decision import HarmLevel, Risk
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission, RequestedAccess, Way
from jitney.core.actions import READING, ActionTable
from jitney.core.review.access_wording import accesses
from jitney.core.review.decision_wording import before, harm, harm_sentence, not_granted, shortened
from jitney.core.review.harm import LOW, deletes, harm_level, own_risks, takes_second_step, with_changes
from jitney.core.review.headlines import uses_of
from jitney.core.review.safe_text import short_resource
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.core.review.votes import narrowed
from jitney.core.review.wording import first_facts, rejected_before
from jitney.handlers.runtime.templates import access_line, with_times
from tests.core.review.samples import under_review
from tests.core.review.test_votes import GROUPS
from tests.fakes import CALL, GRANT, NOW, PENDING
from tests.identities import identity

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
READER = "Agent reader-agent (corp)"
ONE, WIDE = "arn:aws:s3:::reports/1", "arn:aws:s3:::reports/2026/*"


def asks(*permissions: tuple[str, str], **changes: Any) -> Grant:
    wanted = tuple(Permission((action,), (arn,)) for action, arn in permissions)
    return replace(PENDING, permissions=wanted, **changes)


def shown(grant: Grant, *history: Grant) -> Sheet:
    risks = own_risks(grant.permissions, ACTIONS)
    return sheet_of(under_review(grant), GROUPS, ACTIONS, risks, history, NOW)


HARMS = {
    "a read of a name": ((("s3:GetObject", ONE),), LOW),
    "a read of a wildcard": ((("s3:GetObject", WIDE),), "high"),
    "a read of everything": ((("logs:StartQuery", "arn:aws:logs:eu-west-1:444455556666:log-group:*"),), "moderate"),
    "a list of everything": ((("s3:ListBucket", "*"),), LOW),
    "a write": ((("s3:PutObject", ONE),), "moderate"),
    "a write to a wildcard": ((("s3:PutObject", WIDE),), "high"),
    "a tag": ((("s3:PutObjectTagging", ONE),), "moderate"),
    "a deletion": ((("s3:DeleteObject", ONE),), "severe"),
    "a deletion that no table names": ((("lab:DropTable", ONE),), "severe"),
    "an unknown action": ((("lab:Know", ONE),), "unknown"),
    "a read and a deletion": ((("s3:GetObject", ONE), ("s3:DeleteObject", ONE)), "severe"),
    "an escalation": ((("iam:CreatePolicyVersion", "arn:aws:iam::444455556666:policy/x"),), "severe"),
}


@pytest.mark.parametrize(("permissions", "level"), HARMS.values(), ids=HARMS)
def test_rev_15_the_level_of_harm_is_one_word_and_no_change_is_without(permissions: Any, level: str):
    sheet = shown(asks(*permissions))
    assert harm(sheet) == level
    assert takes_second_step(sheet.risks) is (level != LOW)
    assert (not sheet.risks) is (level == LOW)
    assert harm_sentence(sheet)


NO_DELETIONS = {
    "kms:CancelKeyDeletion",
    "logs:PutLogGroupDeletionProtection",
    "ssm-incidents:UpdateDeletionProtection",
    "network-firewall:UpdateFirewallDeleteProtection",
    "servicecatalog:NotifyTerminateProvisionedProductEngineWorkflowResult",
}


def test_rev_15_every_change_whose_name_says_that_it_deletes_is_a_deletion():
    word = re.compile("(DELETE|Delet(?:e|ion)|Purge|Terminate|Destroy|Drop|Wipe)(?![a-z])")
    every = [action for service in ACTIONS.services() for action in ACTIONS.of_service(service)]
    named = {each.name for each in every if each.level not in READING and word.search(each.name.partition(":")[2])}
    assert {each.name for each in every if deletes(each.name, each.level)} == named - NO_DELETIONS


def test_rev_15_wildcard_deletions_are_named_first_and_with_their_resource():
    sheet = shown(asks(("s3:GetObject", WIDE), ("s3:DeleteObject", WIDE), ("s3:DeleteObjectTagging", WIDE)))
    both = "s3:DeleteObject and s3:DeleteObjectTagging delete everything that s3 reports/2026/* matches."
    assert harm_sentence(sheet) == both
    joined = shown(asks(("s3:DeleteObject", WIDE), ("s3:DeleteObject", ONE)))
    final = "s3:DeleteObject deletes everything that s3 reports/2026/* matches. AWS cannot restore what is deleted."
    assert [each.sentence for each in joined.risks if each.level is HarmLevel.SEVERE] == [final]
    assert harm_sentence(shown(asks(("s3:DeleteObject", "*")))).startswith("s3:DeleteObject deletes all resources.")
    two = shown(asks(("s3:PutObjectTagging", f"{WIDE}.csv"), ("s3:PutObjectTagging", WIDE)))
    matched = "s3 reports/2026/*.csv and s3 reports/2026/* match"
    assert harm_sentence(two) == f"s3:PutObjectTagging changes everything that {matched}."
    levels = [each.level for each in sheet.risks]
    assert levels == sorted(levels, key=tuple(HarmLevel).index)
    assert any(each.name == "DataExfiltration" for each in sheet.risks)


NAMES = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")
LISTS = {
    1: ("s3:DeleteObject deletes", "s3 reports/0/* matches"),
    2: ("s3:DeleteObject and s3:DeleteObjectVersion delete", "s3 reports/0/* and s3 reports/1/* match"),
    4: (f"{', '.join(NAMES[:3])} and 1 more delete", "s3 reports/0/*, s3 reports/1/* and 2 more match"),
}


@pytest.mark.parametrize("count", LISTS)
def test_rev_15_the_harm_is_one_sentence_however_much_it_names(count: int):
    arns = tuple(f"arn:aws:s3:::reports/{number}/*" for number in range(count))
    grant = replace(PENDING, permissions=(Permission(NAMES[:count], arns),))
    assert with_changes((), uses_of(grant, ACTIONS))[0].sentence == "{} everything that {}.".format(*LISTS[count])


def test_rev_15_an_action_that_changes_nothing_is_not_said_to_change_any_resource():
    """AWS gives kms:Decrypt the level Write."""
    (risk,) = own_risks((Permission(("kms:Decrypt",), ("*",)),), ACTIONS)
    assert risk.sentence == "kms:Decrypt may be used on any resource, although AWS could limit it to one."


def test_rev_15_a_change_that_policy_named_is_not_named_twice():
    grant = asks(("s3:PutObject", "*"))
    risks = own_risks(grant.permissions, ACTIONS)
    named = [each.name for each in with_changes(risks, uses_of(grant, ACTIONS)) if "s3:PutObject" in each.actions]
    assert named.count("InfrastructureModification") + named.count("WildcardWrite") == 1
    assert harm_level(risks) == "high"


def test_rev_15_a_deletion_hides_no_other_risk_of_the_same_actions():
    grant = asks(("s3:DeleteObject", WIDE))
    actions = ("s3:DeleteObject",)
    final, other = Risk("IrreversibleDeletion", "final", actions), Risk("LoggingEvasion", "hides traces", actions)
    shown_risks = with_changes((final, other), uses_of(grant, ACTIONS))
    assert other in shown_risks
    assert final not in shown_risks


SENTENCES = {
    "pending": (
        asks(("s3:PutObject", ONE), ("s3:DeleteObject", WIDE)),
        (
            f"{READER}, no person named, requests to delete and write s3 reports/2026/* and reports/1 in "
            "analytics-prod for 5 minutes"
        ),
    ),
    "for a person": (
        asks(("s3:GetObject", ONE), human=identity("corp.harriet")),
        f"{READER}, on behalf of corp.harriet, requests to read s3 reports/1 in analytics-prod for 5 minutes",
    ),
    "active": (
        asks(("s3:PutObject", ONE), state=State.ACTIVE, starts_at=NOW),
        f"{READER}, no person named, may write s3 reports/1 in analytics-prod for 5 minutes",
    ),
    "ended": (
        asks(("s3:PutObject", ONE), state=State.REVOKED, starts_at=NOW),
        f"{READER}, no person named, was allowed to write s3 reports/1 in analytics-prod for 5 minutes",
    ),
    "rejected": (
        asks(("s3:PutObject", ONE), state=State.REJECTED),
        f"{READER}, no person named, requested to write s3 reports/1 in analytics-prod for 5 minutes",
    ),
    "permissions": (
        asks(("iam:AttachRolePolicy", "arn:aws:iam::444455556666:role/x"), ("s3:PutObject", ONE)),
        (
            f"{READER}, no person named, requests to change permissions and write iam role/x and s3 reports/1 in "
            "analytics-prod for 5 minutes"
        ),
    ),
    "a call": (
        asks(("s3:DeleteObject", ONE), call=CALL),
        (
            f"{READER}, no person named, requests one call: s3 DeleteObject in eu-west-1 on s3 reports/1, "
            "in analytics-prod"
        ),
    ),
    "a used call": (
        asks(("s3:DeleteObject", ONE), call=CALL, state=State.USED, starts_at=NOW, used_at=NOW),
        (
            f"{READER}, no person named, was allowed one call: s3 DeleteObject in eu-west-1 on s3 reports/1, "
            "in analytics-prod"
        ),
    ),
}


@pytest.mark.parametrize(("grant", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_rev_15_one_sentence_says_who_on_whose_behalf_what_where_and_how_long(grant: Grant, sentence: str):
    assert shown(grant).headline.sentence == sentence


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (WIDE, "s3 reports/2026/*"),
        ("arn:aws:dynamodb:eu-west-1:444455556666:table/a:b", "dynamodb table/a:b"),
        ("*", "all resources"),
        ("arn:aws:s3", "arn:aws:s3"),
        ("arn:aws:s3:::reports/a ", "s3 reports/a[U+0020]"),
        ("arn:aws:s3:::reports/a in dev", "s3 reports/a[U+0020]in[U+0020]dev"),
        ("arn:aws:s3:::reports/a[U+0020]in dev", "s3 reports/a[U+005B]U+0020]in[U+0020]dev"),
    ],
)
def test_rev_15_a_resource_is_named_in_a_few_words(arn: str, words: str):
    assert short_resource(arn) == words


def test_rev_15_what_is_unusual_among_many_resources_is_shown_first():
    usual = tuple(f"arn:aws:s3:::reports/tmp/{number}" for number in range(60))
    new, revoked, wide = "arn:aws:s3:::reports/prod", "arn:aws:s3:::reports/old", "arn:aws:s3:::backups/*"
    deletes = Permission(("s3:DeleteObject",), (*usual, new, revoked, wide))
    read = Permission(("s3:GetObject",), usual)
    before_ = replace(GRANT, permissions=(Permission(("s3:DeleteObject",), usual), read))
    ended = replace(GRANT, permissions=(Permission(("s3:DeleteObject",), (revoked,)),), state=State.REVOKED)
    ended = replace(ended, ending=GrantEnd(NOW, "corp.olga", "leaked"))
    sheet = shown(replace(PENDING, permissions=(read, deletes)), before_, ended)
    assert sheet.actions[1].unusual_first == (revoked, wide, new, *usual)
    assert accesses(sheet)[0].resources[:3] == (f"{revoked} (new)", f"{wide} (new)", f"{new} (new)")
    assert sheet.headline.title.startswith("reader-agent (corp) requests to delete and read s3 backups/* and 62 more")
    assert " on arn:aws:s3:::backups/*, " in access_line(replace(PENDING, permissions=(read, deletes)))


def test_rev_15_what_is_unusual_among_many_actions_is_shown_first():
    names = ("s3:DeleteObjectVersion", "dynamodb:DeleteItem", "sqs:DeleteMessage")
    usual = tuple(Permission((name,), (ONE,)) for name in names)
    new = Permission(("s3:DeleteObject",), ("arn:aws:s3:::prod/1",))
    asked = replace(PENDING, permissions=(READ, *usual, new))
    assert accesses(shown(asked, replace(GRANT, permissions=usual)))[0].title == "delete: s3:DeleteObject"
    wide = Permission(("sqs:DeleteQueue",), ("arn:aws:sqs:eu-west-1:444455556666:*",))
    assert accesses(shown(replace(asked, permissions=(*asked.permissions, wide))))[0].title == "delete: sqs:DeleteQueue"


def test_rev_15_the_action_with_the_worst_harm_is_shown_first_with_its_resource():
    writes = [("s3:PutObject", f"arn:aws:s3:::reports/{number}") for number in range(5)]
    empties = ("s3:PutLifecycleConfiguration", "arn:aws:s3:::backups")
    sheet = shown(asks(*writes, empties))
    assert sheet.headline.title.startswith("reader-agent (corp) requests to write s3 backups and 5 more in ")
    assert accesses(sheet)[0] == ("write: s3:PutLifecycleConfiguration", ("arn:aws:s3:::backups",), ())
    passes = ("iam:PassRole", "arn:aws:iam::444455556666:role/admin")
    runs = ("lambda:CreateFunction", "arn:aws:lambda:eu-west-1:444455556666:function:x")
    shares = ("s3:PutBucketPolicy", "arn:aws:s3:::reports")
    first = [each.title for each in accesses(shown(asks(shares, *writes, passes, runs)))]
    assert first[:2] == ["permissions management: iam:PassRole", "write: lambda:CreateFunction"]
    assert first[2] == "permissions management: s3:PutBucketPolicy"


def test_rev_10_a_resource_whose_name_reads_like_a_sentence_continues_no_sentence():
    arn = "arn:aws:s3:::reports/tmp. Test only"
    grant = asks(("s3:PutObject", arn))
    more = RequestedAccess((Permission(("s3:PutObject",), (arn, f"{arn} too")),), grant.duration_seconds)
    sheet = shown(replace(grant, requested=more))
    for words in (sheet.headline.sentence, harm_sentence(sheet), *not_granted(sheet), access_line(grant)):
        assert "reports/tmp.[U+0020]Test[U+0020]only" in words


def vote(verdict: VoteVerdict, at: int, comment: str = "") -> Vote:
    return Vote(identity("corp.bob"), verdict, "x", comment, at, "web")


GRANTED = replace(GRANT, reviews=(("owners",),), votes=(vote(VoteVerdict.APPROVE, NOW - 60),))
REJECTED = replace(PENDING, state=State.REJECTED, votes=(vote(VoteVerdict.REJECT, NOW - 120, "never"),))


def test_rev_15_like_requests_are_counted_by_what_became_of_them():
    glass = replace(GRANTED, break_glass=BreakGlassUse(identity("corp.gina"), "down", "content", NOW, NOW + 60))
    revoked = replace(GRANTED, state=State.REVOKED, ending=GrantEnd(NOW - 30, "corp.olga", "leaked"))
    history = (GRANTED, GRANTED, revoked, REJECTED, replace(GRANT), glass, replace(PENDING, state=State.EXPIRED))
    assert before(shown(PENDING, *history)) == (
        "Similar requests in the last 30 days: rejected once, last by corp.bob at 2026-11-24 11:58 UTC: “never”; "
        "revoked after it was granted once, last by corp.olga at 2026-11-24 11:59 UTC: “leaked”; "
        "granted by break-glass once; not decided once; "
        "approved 3 times, last by corp.bob at 2026-11-24 11:59 UTC; allowed without review once."
    )


READ = Permission(("s3:GetObject",), (WIDE,))
LESS = {
    "another action": {"permissions": (READ, Permission(("s3:DeleteObject",), ("arn:aws:s3:::prod/*",)))},
    "a wider resource": {"permissions": (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/*",)),)},
    "a longer time": {"duration_seconds": GRANT.duration_seconds + 1},
}


@pytest.mark.parametrize("more", LESS.values(), ids=LESS)
def test_rev_15_a_grant_of_less_is_no_precedent_for_more(more: dict[str, Any]):
    asked, last = replace(PENDING, **more), "last by corp.bob at 2026-11-24 11:59 UTC."
    whole = replace(GRANTED, **more)
    assert before(shown(asked, GRANTED)).endswith(f"approved once, for less than this, {last}")
    assert before(shown(asked, GRANTED, GRANTED)).endswith(f"approved twice, each for less than this, {last}")
    assert before(shown(asked, GRANTED, whole)).endswith(f"approved twice, 1 for less than this, {last}")
    assert before(shown(PENDING, whole)).endswith(f"approved once, {last}")
    assert before(shown(asked, replace(GRANTED, reviews=(), votes=()))).endswith(
        "allowed without review once, for less than this."
    )


def test_rev_15_a_masked_grant_is_no_precedent_for_unmasked_values():
    def shows(now: dict[str, Any], then: dict[str, Any]) -> bool:
        sheet = shown(replace(PENDING, **now), replace(GRANTED, **then))
        less = "for less than this" in before(sheet)
        assert bool(sheet.actions[0].new) is less
        return less

    masked, revealed = {"way": Way.GATEWAY}, {"way": Way.GATEWAY, "reveal": True}
    assert [shows(masked, each) for each in (masked, revealed, {})] == [False, False, False]
    assert [shows(revealed, each) for each in (masked, revealed, {})] == [True, False, False]
    assert [shows({}, each) for each in (masked, revealed, {})] == [True, True, False]


def test_rev_15_what_a_reviewer_narrowed_before_is_a_precedent_for_the_narrowed_request_only():
    asked = replace(PENDING, permissions=(READ, Permission(("s3:PutObject",), (ONE,))))
    less = replace(GRANTED, requested=RequestedAccess(asked.permissions, asked.duration_seconds))
    assert "approved once, for less than this, last by" in before(shown(asked, less))
    assert "approved once, last by" in before(shown(PENDING, less))


def test_rev_15_what_a_reviewer_narrowed_and_another_rejected_was_rejected_as_a_whole():
    asked = replace(PENDING, permissions=(Permission(("s3:PutObject",), (ONE,)),))
    whole = RequestedAccess((READ, *asked.permissions), asked.duration_seconds)
    rejected = replace(REJECTED, requested=whole)
    assert before(shown(asked, rejected)).startswith("Similar requests in the last 30 days: rejected once")
    assert before(shown(asked, replace(GRANTED, requested=whole))) == "No similar request in the last 30 days."


def test_rev_15_a_rejection_that_is_shown_above_is_not_said_twice():
    again = RepeatedRequest("It has a ticket.", "g-4wq2x7ncd3kfaa", "corp.bob", NOW - 120, "never")
    asked = replace(PENDING, repeated=again)
    assert before(shown(asked, REJECTED)) == "No other similar request in the last 30 days."
    other = replace(REJECTED, votes=(vote(VoteVerdict.REJECT, NOW - 300, "no"),))
    assert before(shown(asked, REJECTED, other)) == "Similar requests in the last 30 days: also rejected once."
    assert rejected_before(shown(asked), "corp.bob").startswith("by you at ")
    assert rejected_before(shown(asked), "corp.alice").startswith("by corp.bob at ")
    assert "last by you at" in before(shown(PENDING, REJECTED), "corp.bob")


def test_rev_15_a_request_that_is_too_complex_to_compare_hides_no_rejection():
    asked = asks(("s3:PutObject", "arn:aws:s3:::" + "*b?a" * 200))
    complex_before = replace(asks(("s3:PutObject", "arn:aws:s3:::" + "*a?b" * 200)), state=State.EXPIRED)
    rejected = replace(asked, state=State.REJECTED, votes=REJECTED.votes)
    assert before(shown(asked, complex_before, rejected)).endswith("Not all earlier requests were compared.")


OTHER = {
    "another role": {"role_arn": "arn:aws:iam::444455556666:role/other"},
    "another resource": {"permissions": (Permission(("s3:GetObject",), ("arn:aws:s3:::other/*",)),)},
    "another action": {"permissions": (Permission(("s3:PutObject",), (WIDE,)),)},
    "one call": {"call": CALL},
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_rev_15_a_request_for_something_else_is_not_like_it(change: dict[str, Any]):
    assert before(shown(PENDING, replace(REJECTED, **change))) == "No similar request in the last 30 days."


def test_rev_15_a_request_on_another_role_of_the_same_target_is_like_it():
    other = replace(REJECTED, role_arn=f"{PENDING.role_arn}.role2")
    assert before(shown(PENDING, other)).startswith("Similar requests in the last 30 days: rejected once")


def test_rev_07_what_was_not_granted_is_said():
    asked = replace(
        PENDING,
        permissions=(Permission(("s3:PutObject",), (ONE, WIDE)), Permission(("s3:DeleteObject",), (ONE,))),
        duration_seconds=900,
    )
    assert not_granted(shown(asked)) == ()
    once = narrowed(asked, NarrowedApproval((Permission(("s3:PutObject",), (ONE, WIDE)),), 600))
    twice = narrowed(once, NarrowedApproval((Permission(("s3:PutObject",), (ONE,)),), 300))
    assert not_granted(shown(twice)) == (
        f"s3:PutObject on {WIDE}",
        "s3:DeleteObject",
    )
    left_out = [fact.value for fact in first_facts(shown(twice)) if fact.name == "Not granted"]
    assert tuple(left_out) == not_granted(shown(twice))
    assert (shortened(shown(asked)), shortened(shown(twice))) == ("", "5 minutes instead of 15 minutes")
    assert narrowed(asked, NarrowedApproval(asked.permissions, 900)).requested is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("before 2023-11-14 22:15 UTC.", 'before <time datetime="2023-11-14T22:15Z">2023-11-14 22:15 UTC</time>.'),
        ("at 2023-11-14 22:15 UTC: “until 2023-11-15 08:00 UTC”",
         'at <time datetime="2023-11-14T22:15Z">2023-11-14 22:15 UTC</time>: “until 2023-11-15 08:00 UTC”'),
        ("<b>2023-11-14</b>", "&lt;b&gt;2023-11-14&lt;/b&gt;"),
        ("12023-11-14 22:15 UTC+1", "12023-11-14 22:15 UTC+1"),
    ],
)  # fmt: skip
def test_rev_20_times_in_a_sentence_are_marked_except_in_quotations(text: str, shown: str):
    assert with_times(text) == shown
