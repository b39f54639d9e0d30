"""The narrower request that would have done: a part of what was granted that covers every call seen (row AUD 4)."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney import resources
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.config import Limits, Policies, ReviewerGroup, Target
from jitney.core.patterns import MAX_STEPS, Budget, covers
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.report.grant_report import ReportedBreakGlass, ReportedVote, Terms
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion, SuggestionOutcome, suggest
from jitney.core.report.wording import sections
from jitney.core.trail.join import CallVerdict as JoinVerdict
from jitney.core.trail.join import Purpose
from tests.core.policy.conftest import agent
from tests.core.report.recorded_grants import (
    ACTIONS,
    BEGINNING,
    LATER,
    MAY_NEED,
    RecordedGrant,
    call,
    grant_of,
    report_of,
    requested,
)
from tests.examples import examples
from tests.fakes import GRANT, NOW

BYPASS = JoinVerdict(Purpose.GRANT, GRANT.id, ("not_issued_by_jitney",))
REPORTS = "arn:aws:s3:::reports"
ORDERS = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
BEGAN = call(0, time=NOW, **BEGINNING)


def suggested(told: RecordedGrant, *calls: Any, now: int = LATER) -> Suggestion:
    return suggest(report_of(told, [BEGAN, *calls], now), ACTIONS, MAY_NEED, now)


def got(key: str, number: int = 1, **members: Any) -> Any:
    return call(number, **{"resources": (f"{REPORTS}/{key}", REPORTS)} | members)


def ec2(name: str, number: int = 1, **members: Any) -> Any:
    more = {"service": "ec2", "operation": name, "actions": (f"ec2:{name}",), "resources": ()} | members
    return call(number, **more)


def shown(told: RecordedGrant, *calls: Any) -> list[str]:
    """The rows that the story has, as text."""
    story = report_of(told, [BEGAN, *calls])
    return [row.text for each in sections(story, suggest(story, ACTIONS, MAY_NEED, LATER)) for row in each.rows]


def permissions(found: Suggestion) -> list[tuple[str, str]]:
    return in_words(found.terms.permissions) if found.terms else []


def held(grant: Grant) -> list[tuple[str, str]]:
    return in_words(grant.permissions)


def in_words(permissions: tuple[Permission, ...]) -> list[tuple[str, str]]:
    return [(" ".join(each.actions), " ".join(sorted(each.resources))) for each in permissions]


def test_aud_04_what_was_used_is_suggested_and_nothing_else():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"), ("ec2:DescribeInstances ec2:DescribeImages", "*"))
    found = suggested(requested(grant), got("2026/q3.csv"), got("2026/q2.csv", 2), ec2("DescribeImages", 3))
    assert found.verdict is SuggestionOutcome.NARROWER
    assert permissions(found) == [
        ("ec2:DescribeImages", "*"),
        ("s3:GetObject", f"{REPORTS}/2026/q2.csv {REPORTS}/2026/q3.csv"),
    ]
    assert found.because == ()


def test_aud_04_what_only_data_events_show_stays_unless_one_was_seen():
    grant = grant_of(("s3:GetObject s3:PutObject ec2:DescribeImages", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), got("2026/q3.csv"))
    assert permissions(found) == [
        ("s3:GetObject", f"{REPORTS}/2026/q3.csv"),
        ("s3:PutObject", f"{REPORTS}/2026/*"),
    ]
    said = "CloudTrail shows calls of it only where a trail logs data events, and none was seen"
    until = "what could not be seen may have been used until its end"
    assert found.because == (f"s3:PutObject stays in it: {said}.", f"the time stays: {until}.")


def test_aud_04_a_resource_on_which_no_data_event_was_seen_is_not_taken_away():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/* {REPORTS}/2025/*"))
    assert permissions(suggested(requested(grant), got("2026/q3.csv"))) == held(grant)
    both = suggested(requested(grant), got("2026/q3.csv"), got("2025/q3.csv", 2))
    assert permissions(both) == [("s3:GetObject", f"{REPORTS}/2025/q3.csv {REPORTS}/2026/q3.csv")]


def test_aud_04_resources_stay_when_one_call_names_none():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), got("2026/q3.csv"), got("", 2, resources=()))
    assert permissions(found) == [("s3:GetObject", f"{REPORTS}/2026/*")]


@pytest.mark.parametrize(
    "key",
    ["2026/*", "2026/q?", "2026/${aws:username}", "2026/[masked credential 3f9a2c]", "2026/é", "2026/" + "x" * 2000],
    ids=lambda key: key[:20],
)
def test_aud_04_a_key_that_a_permission_would_read_otherwise_narrows_nothing(key: str):
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    assert permissions(suggested(requested(grant), got(key), got("2026/q3.csv", 2))) == held(grant)


def test_aud_04_nothing_is_said_where_events_may_leave_resources_out():
    """An action on several types of resources, and a list of resources that was cut."""
    arn = "arn:aws:ec2:eu-west-1:444455556666"
    grant = grant_of(("ec2:RunInstances", f"{arn}:instance/* {arn}:subnet/* {arn}:volume/*"))
    used = ec2("RunInstances", resources=(f"{arn}:instance/i-1",))
    assert permissions(suggested(requested(grant), used)) == held(grant)
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    many = got("", resources=tuple(f"{REPORTS}/2026/{number}" for number in range(50)))
    assert permissions(suggested(requested(grant), many)) == held(grant)


def test_aud_04_nothing_is_said_of_resources_that_other_calls_may_have_used_too():
    """The original of a copy is read as s3:GetObject, of which the event of the copy says nothing."""
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    copied = got("2026/copy", 2, operation="CopyObject", actions=("s3:CopyObject",))
    assert permissions(suggested(requested(grant), got("2026/q3.csv"), copied)) == held(grant)


def test_aud_04_an_object_that_is_called_like_a_wildcard_is_an_object():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), got("2026/q3.csv", resources=(f"{REPORTS}/2026/q3.csv", f"{REPORTS}/2026/*")))
    assert permissions(found) == held(grant)


def test_aud_04_many_keys_under_one_wildcard_stay_the_wildcard():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), *(got(f"2026/{number}", number) for number in range(1, 12)))
    assert permissions(found) == held(grant)


@pytest.mark.parametrize(
    ("action", "used", "because"),
    [
        ("iam:PassRole", ec2("RunInstances"), "other calls need it besides"),
        ("ec2:CreateTags", ec2("RunInstances"), "other calls need it besides"),
        (
            "s3:PutObject",
            got("2026/a", operation="CopyObject", actions=("s3:CopyObject",)),
            "other calls need it besides",
        ),
        ("kms:Decrypt", got("2026/a"), "it is not known whether CloudTrail shows"),
        ("timestream:Select", got("2026/a"), "it is not known whether CloudTrail shows"),
        ("ec2:Describe*", got("2026/a"), "it is not known whether CloudTrail shows"),
        ("iam:ListUsers", got("2026/a"), "its calls are seen in another Region"),
        ("dynamodb:Query", got("2026/a"), "only where a trail logs data events"),
        ("lambda:InvokeFunction", got("2026/a"), "only where a trail logs data events"),
    ],
)
def test_aud_04_what_could_not_be_seen_is_never_taken_away(action: str, used: Any, because: str):
    grant = grant_of((f"{action} ec2:DescribeVpcs", "*"))
    found = suggested(requested(grant), used)
    assert permissions(found) == [(action, "*")]
    assert because in found.because[0]


def test_aud_04_a_resource_of_another_region_is_not_taken_away():
    grant = grant_of(
        ("ec2:StartInstances", "arn:aws:ec2:eu-west-2:444455556666:instance/i-1"), ("ec2:DescribeVpcs", "*")
    )
    found = suggested(requested(grant), got("2026/a"))
    assert permissions(found) == [("ec2:StartInstances", "arn:aws:ec2:eu-west-2:444455556666:instance/i-1")]


def test_aud_04_iam_can_be_taken_away_where_its_events_are_seen():
    grant = grant_of(("iam:ListUsers ec2:DescribeVpcs", "*"))
    found = suggested(requested(grant), ec2("DescribeVpcs", region="us-east-1"))
    assert permissions(found) == [("ec2:DescribeVpcs", "*")]


def test_aud_04_nothing_is_said_where_cloudtrail_told_nothing():
    found = suggest(report_of(requested()), ACTIONS, MAY_NEED, LATER)
    assert found.verdict is SuggestionOutcome.UNKNOWN
    assert found.because == ("CloudTrail told of no session of this grant: whether anything was used is not known.",)


def test_aud_04_nothing_granted_has_no_narrower_request():
    assert suggested(requested(GRANT, Outcome.REVIEW)).because == ("nothing was granted.",)


def test_aud_04_what_was_not_used_at_all_was_not_needed():
    found = suggested(requested(grant_of(("ec2:DescribeVpcs", "*"))))
    assert (found.verdict, found.because) == (
        SuggestionOutcome.UNKNOWN,
        ("nothing of it was used: it was not needed.",),
    )


@pytest.mark.parametrize(
    ("action", "resources", "at", "seconds"),
    [
        ("ec2:DescribeVpcs", "*", 10, 60),
        ("ec2:DescribeVpcs", "*", 100, 180),
        ("ec2:DescribeVpcs", "*", 299, 300),
        ("ec2:DescribeVpcs s3:GetObject", "*", 10, 300),  # what could not be seen may have been used until the end
    ],
)
def test_aud_04_the_duration_is_that_of_the_last_call_and_some_more(action: str, resources: str, at: int, seconds: int):
    found = suggested(requested(grant_of((action, resources))), ec2("DescribeVpcs", time=NOW + at))
    assert (found.terms.duration_seconds if found.terms else GRANT.duration_seconds) == seconds


def test_aud_04_what_was_given_back_early_was_needed_no_longer_and_what_was_taken_away_may_have_been():
    for event, outcome, seconds in (
        (AuditEvent.RELEASE, Outcome.RELEASED, 120),
        (AuditEvent.REVOCATION, Outcome.REVOKED, 300),
    ):
        told = requested(grant_of(("s3:GetObject s3:PutObject ec2:DescribeVpcs", "*"))).say(event, outcome, NOW + 90)
        found = suggested(told, got("2026/a"))
        assert found.terms is not None
        assert found.terms.duration_seconds == seconds


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome.REVOKED, "the time stays: it was taken back, and may have been needed for longer."),
        (None, "the time stays: it has not ended."),
    ],
)
def test_aud_04_why_the_time_stays_is_told_where_nothing_less_is(outcome: Outcome | None, why: str):
    told = requested(grant_of(("s3:GetObject", f"{REPORTS}/2026/*")))
    told = told.say(AuditEvent.REVOCATION, outcome, NOW + 90) if outcome else told
    found = suggested(told, now=NOW + 100)
    assert found.verdict is SuggestionOutcome.NOTHING
    stays, kept, late = found.because
    assert stays.startswith("s3:GetObject stays in it: ")
    assert (kept, late.startswith("calls may still come")) == (why, True)
    assert all(row[0].islower() for row in found.because)
    (said,) = [row for row in shown(told) if row.startswith("nothing less")]
    assert said == "nothing less can be said: all of it was used, or may have been"


def test_aud_04_calls_may_still_come():
    told = requested(grant_of(("ec2:DescribeVpcs ec2:DescribeImages", "*")))
    for now, said in ((NOW + 200, True), (NOW + 300 + 1799, True), (NOW + 300 + 1800, False)):
        because = suggested(told, ec2("DescribeVpcs"), now=now).because
        assert any("calls may still come" in each for each in because) is said


KEYS = st.sampled_from(
    ["2026/q1", "2026/q2", "2025/q1", "2026/*", "2026/?1", "x", "2026/[masked credential]", "2026/ "]
)
GRANTED = st.lists(
    st.tuples(
        st.lists(
            st.sampled_from(
                ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "dynamodb:Query",
                 "dynamodb:DescribeTable", "ec2:DescribeVpcs", "ec2:RunInstances", "iam:PassRole", "iam:ListUsers",
                 "dynamodb:PutItem", "lambda:InvokeFunction", "ec2:Describe*"]
            ), min_size=1, max_size=4, unique=True,
        ).map(" ".join),
        st.lists(
            st.sampled_from(
                ["*", f"{REPORTS}/*", f"{REPORTS}/2026/*", f"{REPORTS}/2026/?1", f"{REPORTS}/2026/q1", REPORTS,
                 "arn:aws:s3:::*", ORDERS, f"{ORDERS}/index/*", "arn:aws:dynamodb:*:*:table/*"]
            ), min_size=1, max_size=3, unique=True,
        ).map(" ".join),
    ), min_size=1, max_size=3,
)  # fmt: skip
CALLED = st.lists(
    st.fixed_dictionaries(
        {
            "actions": st.lists(
                st.sampled_from(
                    ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "dynamodb:Query", "dynamodb:DescribeTable",
                     "ec2:DescribeVpcs", "ec2:RunInstances", "iam:ListUsers", "ec2:DescribeImages"]
                ), min_size=1, max_size=2, unique=True,
            ).map(tuple),
            "resources": st.lists(KEYS.map(f"{REPORTS}/{{}}".format) | st.sampled_from([REPORTS, ORDERS, ""]),
                                  max_size=3).map(tuple),
            "error_code": st.sampled_from(["", "", "NoSuchKey", "AccessDenied"]),
            "time": st.integers(NOW, NOW + 299),
        }
    ), max_size=6,
)  # fmt: skip


def pairs(terms: Terms) -> list[tuple[str, str]]:
    return [pair for each in terms.permissions for pair in each.pairs()]


def within(outer: tuple[str, str], inner: tuple[str, str]) -> bool:
    return covers(outer[0].lower(), inner[0].lower()) and covers(outer[1], inner[1])


@settings(max_examples=examples(400))
@given(GRANTED, CALLED)
def test_aud_04_what_is_suggested_is_a_part_of_what_was_granted(granted, called):
    grant = grant_of(*granted)
    terms = suggested(requested(grant), *(call(number, **each) for number, each in enumerate(called, 1))).terms
    if terms:
        whole = pairs(Terms(grant.permissions, grant.duration_seconds))
        assert all(any(within(outer, inner) for outer in whole) for inner in pairs(terms))
        assert 0 < terms.duration_seconds <= grant.duration_seconds


@settings(max_examples=examples(400))
@given(GRANTED, CALLED)
def test_aud_04_what_is_suggested_allows_every_call_that_the_grant_explains(granted, called):
    """A call that names resources is allowed on those of them that were granted; another, on all that were."""
    grant = grant_of(*granted)
    terms = suggested(requested(grant), *(call(number, **each) for number, each in enumerate(called, 1))).terms
    if not terms:
        return
    whole, kept = pairs(Terms(grant.permissions, 0)), pairs(terms)
    for each in called:
        for action in each["actions"]:
            reached = [pair for pair in whole if covers(pair[0].lower(), action.lower())]
            known = ACTIONS.get(action)
            assert known is not None
            named = [
                arn for arn in each["resources"]
                if known.acts_on(arn, Budget(MAX_STEPS)) and any(covers(pair[1], arn) for pair in reached)
            ]  # fmt: skip
            needed = [(action, arn) for arn in named] or [(action, pair[1]) for pair in reached]
            assert all(any(within(outer, inner) for outer in kept) for inner in needed)
        assert each["time"] <= NOW + terms.duration_seconds


@settings(max_examples=examples(200))
@given(GRANTED, CALLED, CALLED)
def test_aud_04_calls_that_nothing_explains_change_nothing_of_what_is_suggested(granted, called, strange):
    told = requested(grant_of(*granted))
    used = [call(number, **each) for number, each in enumerate(called, 1)]
    more = [call(number, BYPASS, **each) for number, each in enumerate(strange, 100)]
    alone, steered = suggested(told, *used), suggested(told, *used, *more)
    assert (steered.verdict, steered.terms) == (alone.verdict, alone.terms)
    assert any(each.startswith("what nothing explains") for each in steered.because) is bool(more)


TARGET = Target("analytics-prod", GRANT.account, GRANT.role_arn, "x", "eu-west-1", 3600, {})
LIMITS = Limits(60, 3600, 65536, 200, 3600, 30)
SCHEMA = resources.SCHEMA.read_text("utf-8")


REVIEWERS = {name: ReviewerGroup((f"staff.{name}",)) for name in ("owners", "security", "oncall")}
STORY = report_of(requested(replace(GRANT, principal="corp.reader-agent")))


def decision(policy: str, terms: Terms, seconds: int = 0, human: str | None = None) -> Decision:
    request = AccessRequest("analytics-prod", terms.permissions, seconds or terms.duration_seconds, "r", "")
    policies = PolicySet.load(Policies(policy, SCHEMA, "v1"))
    return decide(agent("corp/readers", human=human), request, TARGET, policies, ACTIONS, LIMITS, REVIEWERS, ())


def decided(policy: str, terms: Terms, seconds: int = 0) -> Effect:
    return decision(policy, terms, seconds).effect


@pytest.mark.parametrize(
    "named",
    [
        (("s3:GetObject", f"{REPORTS}/2026/q1.csv"),),
        (("s3:GetObject s3:PutObject", f"{REPORTS}/2026/* {REPORTS}/x"), ("ec2:DescribeVpcs", "*")),
        (("s3:GetObject", "*"),),
        (("s3:GetObject", f'{REPORTS}/a"]) }} when {{ true }} || [("\\'),),
    ],
)
def test_aud_04_the_policy_allows_what_is_suggested_and_no_more(named: Any):
    permissions = tuple(Permission(tuple(names.split()), tuple(arns.split(" arn"))) for names, arns in named)
    if len(named) > 1:
        permissions = grant_of(*named).permissions
    terms = Terms(permissions, 300)
    policy = policy_text(STORY, terms)
    assert decided(policy, terms) is Effect.ALLOW
    assert decided(policy, terms, 301) is Effect.DENY
    other = replace(permissions[0], actions=("s3:DeleteObject",))
    assert decided(policy, Terms((other,), 300)) is Effect.DENY
    if permissions[0].resources != ("*",):
        wider = replace(permissions[0], resources=(f"{REPORTS}/*",))
        assert decided(policy, Terms((wider,), 300)) is Effect.DENY


def test_aud_04_where_cedar_cannot_say_it_no_policy_is_given():
    assert policy_text(STORY, Terms((Permission(("s3:GetObject",), (f"{REPORTS}/q?",)),), 60)) == ""


USED = Terms((Permission(("s3:GetObject",), (f"{REPORTS}/2026/q3.csv",)),), 60)


@pytest.mark.parametrize(
    "reviews",
    [(("owners",),), (("owners", "security"),), (("owners", "security"), ("oncall", "owners"))],
)
def test_rev_01_the_policy_of_what_was_given_after_a_review_asks_for_that_review(reviews: Any):
    """Pasted, a policy without it gives the next time what a reviewer gave once."""
    found = decision(policy_text(replace(STORY, reviews=reviews), USED), USED)
    assert found.effect is Effect.REVIEW
    assert {frozenset(each) for each in found.reviews} == {frozenset(each) for each in reviews}


def test_rev_01_in_the_story_of_a_reviewed_grant_the_policy_asks_for_its_review():
    told = requested(replace(grant_of(("s3:GetObject s3:DeleteObject", f"{REPORTS}/2026/*")), reviews=(("owners",),)))
    found = suggested(told, got("2026/q3.csv"))
    assert found.terms
    rows = shown(told, got("2026/q3.csv"))
    assert rows.count('when { context.approvals.contains("owners") }') == rows.count("permit (") == 2


@pytest.mark.parametrize(
    "members",
    [
        {"break_glass": ReportedBreakGlass(NOW, "staff.gina", "down", "")},
        {"warnings": ("Missing from the chain: record 0. What happened there is not told.",)},
        {"votes": (ReportedVote(NOW, "staff.bob", "approved", (), "", "", None),)},  # by groups that no record names
        {"reviews": ((),)},
        {"reviews": (("owners, security",),)},
        {"reviews": (('owners") || [true].contains(true',),)},
        {"partial": True},
    ],
)
def test_rev_08_no_policy_is_given_where_it_would_pass_reviewers_over(members: Any):
    assert policy_text(replace(STORY, **members), USED) == ""


def test_id_05_the_policy_of_what_was_given_for_a_human_is_for_that_human():
    policy = policy_text(replace(STORY, who=STORY.who._replace(human="corp.hal")), USED)
    for human, effect in (("corp.hal", Effect.ALLOW), ("corp.eve", Effect.DENY), (None, Effect.DENY)):
        assert decision(policy, USED, human=human).effect is effect


def test_aud_04_the_line_to_paste_says_the_same_whatever_the_reason_holds():
    reason = 'it\'s $(rm -rf /) `x` "y"'
    (line,) = request_lines("t", Terms((Permission(("s3:GetObject",), (f"{REPORTS}/a",)),), 90), reason, "OPS-1")
    assert shlex.split(line) == [
        "jitney", "request", "t", "--action", "s3:GetObject", "--resource", f"{REPORTS}/a", "--for", "90s",
        "--reason", reason, "--ticket", "OPS-1",
    ]  # fmt: skip
    several = Terms(grant_of(("s3:GetObject", REPORTS), ("s3:PutObject", "*")).permissions, 90)
    line, document, end = request_lines("t", several, reason, "")
    assert line.endswith("<<'JSON'")
    assert end == "JSON"
    assert [each["actions"] for each in json.loads(document)] == [["s3:GetObject"], ["s3:PutObject"]]
