"""The narrower request that would have been enough: a part of the grant that covers every call seen (row AUD 4)."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney import resources
from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.config import Limits, Policies, ReviewerGroup
from jitney.core.patterns import MAX_STEPS, Budget, covers
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import ReportedBreakGlass, ReportedVote, ReportedWay, Terms
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion, SuggestionOutcome, suggest
from jitney.core.report.wording import sections
from jitney.core.stored_identity import Identity
from jitney.core.target_config import Target
from jitney.core.trail.join import CallVerdict as JoinVerdict
from jitney.core.trail.join import Purpose
from tests.core.policy.conftest import NO_WINDOWS, agent
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
from tests.identities import identity

BYPASS = JoinVerdict(Purpose.GRANT, GRANT.id, ("not_issued_by_jitney",))
REPORTS = "arn:aws:s3:::reports"
ORDERS = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
BEGAN = call(0, time=NOW, **BEGINNING)


def suggested(recorded: RecordedGrant, *calls: Any, now: int = LATER) -> Suggestion:
    return suggest(report_of(recorded, [BEGAN, *calls], now), ACTIONS, MAY_NEED, now)


def got(key: str, number: int = 1, **members: Any) -> Any:
    return call(number, **{"resources": (f"{REPORTS}/{key}", REPORTS)} | members)


def ec2(name: str, number: int = 1, **members: Any) -> Any:
    more = {"service": "ec2", "operation": name, "actions": (f"ec2:{name}",), "resources": ()} | members
    return call(number, **more)


def shown(recorded: RecordedGrant, *calls: Any) -> list[str]:
    """Return the texts of the report's rows."""
    report = report_of(recorded, [BEGAN, *calls])
    return [row.text for each in sections(report, suggest(report, ACTIONS, MAY_NEED, LATER), ()) for row in each.rows]


def permissions(found: Suggestion) -> list[tuple[str, str]]:
    return in_words(found.terms.permissions) if found.terms else []


def held(grant: Grant) -> list[tuple[str, str]]:
    return in_words(grant.permissions)


def in_words(permissions: tuple[Permission, ...]) -> list[tuple[str, str]]:
    return [(" ".join(each.actions), " ".join(sorted(each.resources))) for each in permissions]


def test_aud_04_exactly_the_used_permissions_are_suggested():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"), ("ec2:DescribeInstances ec2:DescribeImages", "*"))
    found = suggested(requested(grant), got("2026/q3.csv"), got("2026/q2.csv", 2), ec2("DescribeImages", 3))
    assert found.verdict is SuggestionOutcome.NARROWER
    assert permissions(found) == [
        ("ec2:DescribeImages", "*"),
        ("s3:GetObject", f"{REPORTS}/2026/q2.csv {REPORTS}/2026/q3.csv"),
    ]
    assert found.reasons == ()


def test_aud_04_an_action_logged_as_data_event_stays_unless_one_was_seen():
    grant = grant_of(("s3:GetObject s3:PutObject ec2:DescribeImages", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), got("2026/q3.csv"))
    assert permissions(found) == [
        ("s3:GetObject", f"{REPORTS}/2026/q3.csv"),
        ("s3:PutObject", f"{REPORTS}/2026/*"),
    ]
    said = "CloudTrail logs it only as a data event, and no data event was seen"
    until = "calls that CloudTrail does not show may have been made until the end"
    assert found.reasons == (f"s3:PutObject stays: {said}.", f"the duration stays: {until}.")


def test_aud_04_a_resource_without_data_events_stays():
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
def test_aud_04_a_key_that_a_permission_cannot_name_exactly_narrows_nothing(key: str):
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    assert permissions(suggested(requested(grant), got(key), got("2026/q3.csv", 2))) == held(grant)


@pytest.mark.parametrize(
    "keys",
    [["?*" * 500], ["*a" * 500] * 2, [f"{number}{'a' * 1000}" for number in range(40)]],
    ids=["?*", "*a", "many"],
)
def test_aud_04_no_name_that_an_agent_chooses_prevents_the_report(keys: list[str]):
    """Otherwise an agent that reads such a key hides its grant's report from reviewers and auditors."""
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    hostile = got("", 2, resources=tuple(f"{REPORTS}/2026/{key}" for key in keys))
    assert permissions(suggested(requested(grant), got("2026/q3.csv"), hostile)) == held(grant)


def test_aud_04_resources_stay_where_events_may_omit_some():
    """The cases are an action on several types of resources, and a list of resources that was cut."""
    arn = "arn:aws:ec2:eu-west-1:444455556666"
    grant = grant_of(("ec2:RunInstances", f"{arn}:instance/* {arn}:subnet/* {arn}:volume/*"))
    used = ec2("RunInstances", resources=(f"{arn}:instance/i-1",))
    assert permissions(suggested(requested(grant), used)) == held(grant)
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    many = got("", resources=tuple(f"{REPORTS}/2026/{number}" for number in range(50)))
    assert permissions(suggested(requested(grant), many)) == held(grant)


def test_aud_04_resources_stay_that_other_calls_may_have_used():
    """Copying reads the source as s3:GetObject, which the event of the copy does not mention."""
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    copied = got("2026/copy", 2, operation="CopyObject", actions=("s3:CopyObject",))
    assert permissions(suggested(requested(grant), got("2026/q3.csv"), copied)) == held(grant)


def test_aud_04_an_object_key_with_a_wildcard_character_is_no_pattern():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), got("2026/q3.csv", resources=(f"{REPORTS}/2026/q3.csv", f"{REPORTS}/2026/*")))
    assert permissions(found) == held(grant)


def test_aud_04_many_keys_under_one_wildcard_stay_the_wildcard():
    grant = grant_of(("s3:GetObject", f"{REPORTS}/2026/*"))
    found = suggested(requested(grant), *(got(f"2026/{number}", number) for number in range(1, 12)))
    assert permissions(found) == held(grant)


@pytest.mark.parametrize(
    ("action", "used", "reason"),
    [
        ("iam:PassRole", ec2("RunInstances"), "other calls may need it"),
        ("ec2:CreateTags", ec2("RunInstances"), "other calls may need it"),
        (
            "s3:PutObject",
            got("2026/a", operation="CopyObject", actions=("s3:CopyObject",)),
            "other calls may need it",
        ),
        ("kms:Decrypt", got("2026/a"), "it is not known whether CloudTrail logs it"),
        ("timestream:Select", got("2026/a"), "it is not known whether CloudTrail logs it"),
        ("ec2:Describe*", got("2026/a"), "it is not known whether CloudTrail logs it"),
        ("iam:ListUsers", got("2026/a"), "its events are in a Region"),
        ("dynamodb:Query", got("2026/a"), "only as a data event"),
        ("lambda:InvokeFunction", got("2026/a"), "only as a data event"),
    ],
)
def test_aud_04_an_action_that_cloudtrail_may_not_show_stays(action: str, used: Any, reason: str):
    grant = grant_of((f"{action} ec2:DescribeVpcs", "*"))
    found = suggested(requested(grant), used)
    assert permissions(found) == [(action, "*")]
    assert reason in found.reasons[0]


def test_aud_04_a_resource_of_an_unseen_region_stays():
    grant = grant_of(
        ("ec2:StartInstances", "arn:aws:ec2:eu-west-2:444455556666:instance/i-1"), ("ec2:DescribeVpcs", "*")
    )
    found = suggested(requested(grant), got("2026/a"))
    assert permissions(found) == [("ec2:StartInstances", "arn:aws:ec2:eu-west-2:444455556666:instance/i-1")]


# The Region of IAM's events, in each partition.
@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1"])
def test_aud_04_unused_iam_actions_are_removed_where_iam_events_are_seen(region: str):
    grant = grant_of(("iam:ListUsers ec2:DescribeVpcs", "*"))
    found = suggested(requested(grant), ec2("DescribeVpcs", region=region))
    assert permissions(found) == [("ec2:DescribeVpcs", "*")]


def test_aud_04_without_any_event_there_is_no_suggestion():
    found = suggest(report_of(requested()), ACTIONS, MAY_NEED, LATER)
    assert found.verdict is SuggestionOutcome.UNKNOWN
    assert found.reasons == ("no session of this grant was seen in CloudTrail, so it is not known what was used.",)


def test_aud_04_nothing_granted_has_no_narrower_request():
    assert suggested(requested(GRANT, Outcome.REVIEW)).reasons == ("nothing was granted.",)


def test_aud_04_an_unused_grant_was_not_needed():
    found = suggested(requested(grant_of(("ec2:DescribeVpcs", "*"))))
    assert (found.verdict, found.reasons) == (
        SuggestionOutcome.UNKNOWN,
        ("no permission was used: the grant was not needed.",),
    )


@pytest.mark.parametrize(
    ("action", "resources", "at", "seconds"),
    [
        ("ec2:DescribeVpcs", "*", 10, 60),
        ("ec2:DescribeVpcs", "*", 100, 180),
        ("ec2:DescribeVpcs", "*", 299, 300),
        (
            "ec2:DescribeVpcs s3:GetObject",
            "*",
            10,
            300,
        ),  # object access that CloudTrail does not show may last until the end
    ],
)
def test_aud_04_the_duration_reaches_past_the_last_call(action: str, resources: str, at: int, seconds: int):
    found = suggested(requested(grant_of((action, resources))), ec2("DescribeVpcs", time=NOW + at))
    assert (found.terms.duration_seconds if found.terms else GRANT.duration_seconds) == seconds


def test_aud_04_a_release_shortens_the_duration_and_a_revocation_does_not():
    for event, outcome, seconds in (
        (AuditEvent.RELEASE, Outcome.RELEASED, 120),
        (AuditEvent.REVOCATION, Outcome.REVOKED, 300),
    ):
        grant = grant_of(("s3:GetObject s3:PutObject ec2:DescribeVpcs", "*"))
        recorded = requested(grant).write(event, outcome, NOW + 90)
        found = suggested(recorded, got("2026/a"))
        assert found.terms is not None
        assert found.terms.duration_seconds == seconds


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome.REVOKED, "the duration stays: the grant was revoked and may have been needed for longer."),
        (None, "the duration stays: the grant has not ended."),
    ],
)
def test_aud_04_the_reason_for_the_same_duration_is_given_without_a_suggestion(outcome: Outcome | None, why: str):
    recorded = requested(grant_of(("s3:GetObject", f"{REPORTS}/2026/*")))
    recorded = recorded.write(AuditEvent.REVOCATION, outcome, NOW + 90) if outcome else recorded
    found = suggested(recorded, now=NOW + 100)
    assert found.verdict is SuggestionOutcome.NOTHING
    stays, kept, late = found.reasons
    assert stays.startswith("s3:GetObject stays: ")
    assert (kept, late.startswith("more calls may follow")) == (why, True)
    assert all(row[0].islower() for row in found.reasons)
    (row,) = [row for row in shown(recorded) if row.startswith("no narrower")]
    assert row == "no narrower grant: each permission was used, or CloudTrail may not show its use"


def test_aud_04_the_suggestion_warns_of_late_events():
    recorded = requested(grant_of(("ec2:DescribeVpcs ec2:DescribeImages", "*")))
    for now, said in ((NOW + 200, True), (NOW + 300 + 1799, True), (NOW + 300 + 1800, False)):
        reasons = suggested(recorded, ec2("DescribeVpcs"), now=now).reasons
        assert any("more calls may follow" in each for each in reasons) is said


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
def test_aud_04_the_suggestion_is_a_subset_of_the_grant(granted, called):
    grant = grant_of(*granted)
    terms = suggested(requested(grant), *(call(number, **each) for number, each in enumerate(called, 1))).terms
    if terms:
        whole = pairs(Terms(grant.permissions, grant.duration_seconds))
        assert all(any(within(outer, inner) for outer in whole) for inner in pairs(terms))
        assert 0 < terms.duration_seconds <= grant.duration_seconds


@settings(max_examples=examples(400))
@given(GRANTED, CALLED)
def test_aud_04_the_suggestion_allows_every_explained_call(granted, called):
    """If a call names resources, it is allowed on the granted ones among them.

    Otherwise, it is allowed on all granted resources.
    """
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
def test_aud_04_unexplained_calls_do_not_change_the_suggestion(granted, called, strange):
    recorded = requested(grant_of(*granted))
    used = [call(number, **each) for number, each in enumerate(called, 1)]
    more = [call(number, BYPASS, **each) for number, each in enumerate(strange, 100)]
    alone, steered = suggested(recorded, *used), suggested(recorded, *used, *more)
    assert (steered.verdict, steered.terms) == (alone.verdict, alone.terms)
    assert any(each.startswith("calls that no grant explains") for each in steered.reasons) is bool(more)


TARGET = Target("analytics-prod", GRANT.account, GRANT.role_arn, "x", "eu-west-1", 3600, {})
LIMITS = Limits(60, 3600, 65536, 200, 3600, 30)
SCHEMA = resources.SCHEMA.read_text("utf-8")


REVIEWERS = {name: ReviewerGroup((f"staff.{name}",)) for name in ("owners", "security", "oncall")}
PLAIN = ReportedWay("credentials", reveal=False)
REPORT = report_of(requested(replace(GRANT, principal="corp.reader-agent")))


def decision(policy: str, terms: Terms, seconds: int = 0, human: Identity | None = None) -> Decision:
    request = AccessRequest("analytics-prod", terms.permissions, seconds or terms.duration_seconds, "r", "")
    policies = PolicySet.load(Policies(policy, SCHEMA, "v1"))
    return decide(
        agent("corp/readers", human=human),
        request,
        TARGET,
        policies,
        ACTIONS,
        LIMITS,
        REVIEWERS,
        (),
        windows=NO_WINDOWS,
    )


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
def test_aud_04_the_policy_allows_exactly_the_suggestion(named: Any):
    permissions = tuple(Permission(tuple(names.split()), tuple(arns.split(" arn"))) for names, arns in named)
    if len(named) > 1:
        permissions = grant_of(*named).permissions
    terms = Terms(permissions, 300)
    policy = policy_text(REPORT, terms)
    assert decided(policy, terms) is Effect.ALLOW
    assert decided(policy, terms, 301) is Effect.DENY
    other = replace(permissions[0], actions=("s3:DeleteObject",))
    assert decided(policy, Terms((other,), 300)) is Effect.DENY
    if permissions[0].resources != ("*",):
        wider = replace(permissions[0], resources=(f"{REPORTS}/*",))
        assert decided(policy, Terms((wider,), 300)) is Effect.DENY


def test_aud_04_there_is_no_policy_where_cedar_cannot_express_it():
    assert policy_text(REPORT, Terms((Permission(("s3:GetObject",), (f"{REPORTS}/q?",)),), 60)) == ""
    assert policy_text(replace(REPORT, target="half of a pair: \ud83d"), USED) == ""


USED = Terms((Permission(("s3:GetObject",), (f"{REPORTS}/2026/q3.csv",)),), 60)


@pytest.mark.parametrize(
    "reviews",
    [(("owners",),), (("owners", "security"),), (("owners", "security"), ("oncall", "owners"))],
)
def test_rev_01_the_policy_of_a_reviewed_grant_requires_the_same_review(reviews: Any):
    """Without this condition, a pasted policy would allow without review what a reviewer approved once."""
    found = decision(policy_text(replace(REPORT, reviews=reviews), USED), USED)
    assert found.effect is Effect.REVIEW
    assert {frozenset(each) for each in found.reviews} == {frozenset(each) for each in reviews}


def test_rev_01_the_report_of_a_reviewed_grant_suggests_a_policy_with_its_review():
    grant = grant_of(("s3:GetObject s3:DeleteObject", f"{REPORTS}/2026/*"))
    recorded = requested(replace(grant, reviews=(("owners",),)))
    found = suggested(recorded, got("2026/q3.csv"))
    assert found.terms
    rows = shown(recorded, got("2026/q3.csv"))
    assert rows.count('when { context.approvals.contains("owners") }') == rows.count("permit (") == 2


@pytest.mark.parametrize(
    "members",
    [
        {"break_glass": ReportedBreakGlass(NOW, "staff.gina", "down", "")},
        {"earlier_approvals": (("g-earlier", ("owners",), 0),)},  # people did not review this request
        {"warnings": ("Missing from the chain: record 0. The report is incomplete.",)},
        # by groups that no record names
        {"votes": (ReportedVote(NOW, "staff.bob", "approved", (), "", "", None, False),)},
        {"reviews": ((),)},
        {"reviews": (("owners, security",),)},
        {"reviews": (('owners") || [true].contains(true',),)},
        {"partial": True},
    ],
)
def test_rev_08_there_is_no_policy_where_it_would_bypass_reviewers(members: Any):
    assert policy_text(replace(REPORT, **members), USED) == ""


def test_id_05_the_policy_of_a_grant_for_a_human_is_for_that_human():
    policy = policy_text(replace(REPORT, requester=REPORT.requester._replace(human="corp.hal")), USED)
    for human, effect in (
        (identity("corp.hal"), Effect.ALLOW),
        (identity("corp.eve"), Effect.DENY),
        (None, Effect.DENY),
    ):
        assert decision(policy, USED, human=human).effect is effect


def test_aud_04_the_request_line_quotes_any_reason():
    reason = 'it\'s $(rm -rf /) `x` "y"'
    (line,) = request_lines("t", Terms((Permission(("s3:GetObject",), (f"{REPORTS}/a",)),), 90), reason, "OPS-1", PLAIN)
    assert shlex.split(line) == [
        "jitney", "request", "t", "--action", "s3:GetObject", "--resource", f"{REPORTS}/a", "--for", "90s",
        "--reason", reason, "--ticket", "OPS-1",
    ]  # fmt: skip
    several = Terms(grant_of(("s3:GetObject", REPORTS), ("s3:PutObject", "*")).permissions, 90)
    line, document, end = request_lines("t", several, reason, "", PLAIN)
    assert line.endswith("<<'JSON'")
    assert end == "JSON"
    assert [each["actions"] for each in json.loads(document)] == [["s3:GetObject"], ["s3:PutObject"]]


LISTS = Permission(("s3:ListBucket",), (REPORTS,), conditions_of({"s3:prefix": ["2026/*", "b"], "s3:max-keys": ["10"]}))


def test_pol_12_the_suggestion_keeps_the_conditions_of_the_grant():
    grant = replace(GRANT, permissions=(LISTS, Permission(("s3:GetBucketLocation",), (REPORTS,))))
    listed = call(1, actions=("s3:ListBucket",), resources=(REPORTS,))
    found = suggested(requested(grant), listed)
    assert found.terms
    assert LISTS in found.terms.permissions
    (row, *_) = [each for each in shown(requested(grant), listed) if each.startswith("s3:ListBucket")]
    assert row == f's3:ListBucket on {REPORTS}, only if s3:max-keys is at most 10 and s3:prefix matches "2026/*" or "b"'


@pytest.mark.parametrize(
    ("values", "effect"),
    [
        ({"s3:prefix": ["2026/*", "b"], "s3:max-keys": ["10"]}, Effect.ALLOW),
        ({"s3:prefix": ["b"], "s3:max-keys": ["9"]}, Effect.ALLOW),
        ({"s3:prefix": ["b*"], "s3:max-keys": ["9"]}, Effect.DENY),
        ({"s3:prefix": ["b"], "s3:max-keys": ["11"]}, Effect.DENY),
        ({"s3:prefix": ["b"]}, Effect.DENY),
        ({}, Effect.DENY),
    ],
)
def test_pol_12_the_policy_permits_no_more_than_the_conditions(values: Any, effect: Effect):
    policy = policy_text(REPORT, Terms((LISTS,), 300))
    assert decided(policy, Terms((replace(LISTS, conditions=conditions_of(values)),), 300)) is effect


def test_pol_12_the_request_line_holds_each_value():
    (line,) = request_lines("t", Terms((LISTS,), 90), "r", "", PLAIN)
    words = shlex.split(line)
    given = [words[place + 1] for place, word in enumerate(words) if word == "--condition"]
    assert given == ["s3:max-keys=10", "s3:prefix=2026/*", "s3:prefix=b"]
