"""The story of a grant from its records and calls (rows AUD 1, AUD 4)."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.request import Permission
from jitney.core.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.report.builder import build_report
from jitney.core.report.grant_report import CredentialIssuance, FollowUpReview, ReportedBreakGlass, ReportedState, Terms
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.report.recorded_grants import (
    ACTIVE,
    BEGINNING,
    LATER,
    RecordedGrant,
    call,
    grant_of,
    report_of,
    requested,
)
from tests.examples import examples
from tests.fakes import GRANT, NOW, PENDING

OBJECT = "arn:aws:s3:::reports/2026/q3.csv"
BYPASS = CallVerdict(Purpose.GRANT, GRANT.id, ("key_not_issued",))
CANARY = CallVerdict(Purpose.CANARY, GRANT.id, ())


def reviewed() -> RecordedGrant:
    """A request of two permissions, asked about, approved for less, used, renewed and revoked."""
    wide = replace(
        grant_of(("s3:GetObject s3:DeleteObject", "arn:aws:s3:::reports/2026/*")),
        state=PENDING.state, starts_at=None, expires_at=NOW + 3600, reviews=(("owners",),), human="local.hal",
        duration_seconds=900,
    )  # fmt: skip
    told = requested(wide, Outcome.REVIEW, risks=("DataExfiltration: reads data",), calls=("aws s3 cp",))
    sent = [{"channel": "mail", "to": "staff.alice", "code": ""}, {"channel": "slack", "to": "#o", "code": "not_here"}]
    told.say(
        AuditEvent.NOTICE, Outcome.SENT, NOW + 1, "",
        detail={"notice": "asked", "reviewers": ["staff.alice", "staff.bob"], "sent": sent},
    )  # fmt: skip
    less = (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),)
    told.becomes(permissions=less, duration_seconds=300, state=ACTIVE, starts_at=NOW + 60, expires_at=NOW + 360)
    told.say(
        AuditEvent.VOTE, Outcome.APPROVED, NOW + 60, "203.0.113.9", policies=("data-owners",),
        detail={
            "by": "staff.bob", "delegations": [{"group": "owners", "absent": "staff.carol"}],
            "comment": "the report alone", "via": "slack",
            "permissions": told.grant.view()["permissions"], "state": "active",
        },
    )  # fmt: skip
    told.say(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 65)
    told.say(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 100, "198.51.100.8")
    told.say(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 200, "", detail={"by": "staff.olga", "reason": "enough"})
    return told.say(AuditEvent.CANARY, Outcome.DENIED, NOW + 202, "", detail={"denied_after_milliseconds": 1432})


CALLS = [
    call(0, **BEGINNING),
    call(1, time=NOW + 70), call(2, time=NOW + 80, error_code="NoSuchKey"),
    call(3, time=NOW + 90, operation="DeleteObject", actions=("s3:DeleteObject",), error_code="AccessDenied"),
    call(4, time=NOW + 110, service="iam", operation="CreateUser", actions=("iam:CreateUser",), made=("user x",)),
    call(5, BYPASS, time=NOW + 250), call(6, BYPASS, time=NOW + 251), call(6, time=NOW + 251),
    call(7, CANARY, time=NOW + 201),
]  # fmt: skip


def test_aud_04_the_story_has_who_why_and_what_was_made_of_it():
    story = report_of(reviewed(), CALLS)
    assert (story.who.principal, story.who.human) == (GRANT.principal, "local.hal")
    assert story.who.addresses == ("198.51.100.7", "198.51.100.8")
    assert (story.reason, story.ticket, story.using) == ("monthly report", "OPS-12", ("aws s3 cp",))
    both = Permission(("s3:GetObject", "s3:DeleteObject"), ("arn:aws:s3:::reports/2026/*",))
    assert story.asked == Terms((both,), 900)
    assert story.granted == Terms((Permission(("s3:GetObject",), both.resources),), 300)
    assert (story.policies, story.policy_version) == (("data-owners",), "v1")
    assert (story.reviews, story.risks) == ((("owners",),), ("DataExfiltration: reads data",))
    (told,) = story.told
    assert (told.people, told.channels, told.failures) == (
        ("staff.alice", "staff.bob"),
        ("mail",),
        ("slack: not_here",),
    )
    (vote,) = story.votes
    assert (vote.by, vote.verdict, vote.delegations, vote.comment) == (
        "staff.bob", "approved", ("staff.carol",), "the report alone",
    )  # fmt: skip
    assert vote.less == story.granted
    assert story.warnings == ()


def test_aud_04_the_story_has_when_and_how_it_ended():
    story = report_of(reviewed(), CALLS)
    assert story.times == (NOW, NOW + 60, NOW + 65, NOW + 360, NOW + 200)
    assert story.end[:5] == (ReportedState.REVOKED, "staff.olga", "enough", True, 1432)
    assert story.issues == (
        CredentialIssuance(NOW + 65, "198.51.100.7", "allowed", ""),
        CredentialIssuance(NOW + 100, "198.51.100.8", "allowed", ""),
    )


def test_aud_04_calls_are_grouped_and_what_was_never_used_is_told():
    story = report_of(reviewed(), CALLS)
    assert [(use.name, use.code, use.times) for use in story.uses] == [
        ("s3:GetObject", "", 2), ("s3:GetObject", "NoSuchKey", 1), ("iam:CreateUser", "", 1),
    ]  # fmt: skip
    assert story.uses[0].resources == (OBJECT,)
    assert [(use.name, use.code) for use in story.denied] == [("s3:DeleteObject", "AccessDenied")]
    assert [(use.name, use.bypass, use.times) for use in story.bypasses] == [("s3:GetObject", ("key_not_issued",), 1)]
    assert (story.calls, story.begun, story.besides) == (6, 1, 1)
    assert [(each.thing, each.name) for each in story.left] == [("user x", "iam:CreateUser")]
    assert story.never == ()
    assert report_of(reviewed(), CALLS[:1]).never == (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),)


@pytest.mark.parametrize(("gone", "left"), [("", []), ("e-4", []), ("e-9", ["user x"])])
def test_aud_04_what_was_taken_away_again_is_not_left_behind(gone: str, left: list[str]):
    later = call(
        9, time=NOW + 111, service="iam", operation="DeleteUser", actions=("iam:DeleteUser",), taken=("user x",)
    )
    calls = [each for each in [*CALLS, later] if each["event_id"] != gone]
    assert [each.thing for each in report_of(reviewed(), calls).left] == left


IN_TURN = ("CreateUser", "DeleteUser", "CreateUser", "DeleteUser")


@pytest.mark.parametrize(
    ("times", "left"),
    [((0, 0, 0), 1), ((0, 1, 1), 1), ((0, 1), 0), ((0, 0), 1), ((0, 1, 2), 1), ((0, 1, 2, 2), 1), ((0, 1, 2, 3), 0)],
)
def test_aud_04_what_was_made_again_in_the_second_of_its_deletion_is_left_behind(times: tuple[int, ...], left: int):
    """CloudTrail tells times to the second: which of two came last it does not say."""
    calls = [
        call(number, time=NOW + at, service="iam", operation=name,
             **{"made" if name == "CreateUser" else "taken": ("user x",)})
        for number, (at, name) in enumerate(zip(times, IN_TURN, strict=False))
    ]  # fmt: skip
    found = report_of(requested(), calls).left
    assert bool(found) is bool(left)
    assert {each.thing for each in found} <= {"user x"}


def test_aud_04_what_was_made_at_a_time_that_cannot_be_read_is_left_behind():
    made = call(1, service="iam", operation="CreateUser", made=("user x",)) | {"time": "yesterday"}
    gone = call(2, service="iam", operation="DeleteUser", taken=("user x",))
    assert [each.thing for each in report_of(requested(), [made, gone]).left] == ["user x"]


def test_aud_04_a_call_that_the_grant_does_not_explain_is_no_use_of_it():
    """Whoever makes calls in a grant's name does not decide what of it was needed."""
    table = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
    told = requested(grant_of(("dynamodb:DeleteTable", table), ("s3:GetObject", OBJECT)))
    strange = call(2, BYPASS, service="dynamodb", operation="DeleteTable", actions=("dynamodb:DeleteTable",))
    story = report_of(told, [call(1), strange])
    assert story.never == (Permission(("dynamodb:DeleteTable",), (table,)),)
    assert [each.event_id for each in story.seen] == ["e-1"]
    assert ([use.name for use in story.bypasses], story.calls) == (["dynamodb:DeleteTable"], 2)


def test_aud_04_how_the_broker_scopes_a_session_down_is_no_call_of_the_agents_unless_it_was_granted():
    scoped = call(1, service="sts", operation="GetScopedCredentials", actions=("sts:GetScopedCredentials",))
    story = report_of(requested(), [scoped])
    assert (story.calls, story.besides, story.uses) == (0, 1, ())
    named = report_of(requested(grant_of(("sts:GetScopedCredentials", "*"))), [scoped])
    assert (named.calls, named.besides) == (1, 0)


ADMIN = "arn:aws:iam::444455556666:role/admin"


@pytest.mark.parametrize("operation", sorted(ASSUME_ROLE_OPERATIONS))
@pytest.mark.parametrize("request_text", [json.dumps({"roleArn": ADMIN}), "", "no JSON", "[]", '{"roleArn":7}'])
def test_aud_04_a_role_that_an_agent_took_with_its_session_is_a_call_of_its_own(operation: str, request_text: str):
    """Chaining roles is no beginning of the grant's session: it would be in no list."""
    grant = grant_of(("sts:AssumeRole sts:AssumeRoleWithSAML sts:AssumeRoleWithWebIdentity", ADMIN))
    chained = call(1, service="sts", operation=operation, actions=(f"sts:{operation}",), resources=(ADMIN,),
                   request=request_text)  # fmt: skip
    story = report_of(requested(grant), [call(0, **BEGINNING), chained])
    assert [(use.name, use.resources) for use in story.uses] == [(f"sts:{operation}", (ADMIN,))]
    assert (story.begun, story.calls) == (1, 1)
    assert not any(f"sts:{operation}" in each.actions for each in story.never)


@settings(max_examples=examples(100))
@given(st.randoms(use_true_random=False))
def test_aud_04_order_and_repetition_make_no_difference(chance):
    told = reviewed()
    records, calls = told.lines * 2, CALLS * 2
    chance.shuffle(records)
    chance.shuffle(calls)
    assert build_report(GRANT.id, records, calls, LATER) == report_of(told, CALLS)


@pytest.mark.parametrize("missing", range(6))
def test_aud_02_a_gap_in_the_chain_is_said_and_the_rest_is_told(missing: int):
    told = reviewed()
    del told.links[missing]
    story = report_of(told, CALLS)
    assert f"Missing from the chain: record {missing}. What happened there is not told." in story.warnings
    assert len(story.moments) == 6


def test_aud_02_the_last_record_may_be_missing_unseen_and_a_huge_number_takes_no_time():
    told = reviewed()
    lines = told.lines
    lines[-1]["seq"] = 10**15 - 1
    story = build_report(GRANT.id, lines, (), LATER)
    assert story is not None
    assert story.warnings[0].startswith("Missing from the chain: record 6 to 999999999999998.")


def test_aud_02_two_records_of_one_number_and_one_that_does_not_follow_are_said():
    told, other = reviewed(), reviewed()
    changed = json.loads(other.links[2].text) | {"reason": "nothing to see here", "hash": "f" * 64}
    story = build_report(GRANT.id, [*told.lines, changed], (), LATER)
    assert story is not None
    assert "2 different records are number 2: all are told. Ask `jitney audit verify`." in story.warnings
    story = build_report(GRANT.id, [*told.lines[:2], changed, *told.lines[3:]], (), LATER)
    assert story is not None
    assert story.warnings == ("Record 3 does not follow from the one before. Ask `jitney audit verify`.",)


def test_aud_01_an_event_that_is_not_known_is_shown_not_dropped():
    told = requested()
    lines = told.lines
    lines.append(lines[0] | {"seq": 1, "prev": lines[0]["hash"], "event": "teleported", "outcome": "elsewhere"})
    story = build_report(GRANT.id, lines, (), LATER)
    assert story is not None
    assert [(each.event, each.outcome, each.known) for each in story.moments] == [
        ("request", "allowed", True), ("teleported", "elsewhere", False),
    ]  # fmt: skip


def test_aud_01_lines_of_other_grants_are_left_out_and_joined_requests_and_bypasses_are_told():
    told, other = requested(), requested(PENDING)
    joined = chain_record(
        AuditRecord(NOW + 5, AuditEvent.REQUEST, Outcome.REVIEW, code="joined", grant_id=GRANT.id), "r-1"
    )
    bypass = chain_record(AuditRecord(NOW + 6, AuditEvent.BYPASS, Outcome.UNEXPLAINED, grant_id=GRANT.id), "r-2")
    strange = call(1) | {"grant_id": PENDING.id}
    lines = [*told.lines, *other.lines, json.loads(joined.text), json.loads(bypass.text)]
    story = build_report(GRANT.id, lines, [strange], LATER)
    assert story is not None
    assert (story.repeats, story.calls, story.warnings) == ((NOW + 5,), 0, ())
    assert [each.event for each in story.moments] == ["request", "request", "bypass"]


def test_nobody_has_a_story_without_records():
    assert build_report("g-cccccccccccccc", requested().lines, [call(1)], LATER) is None


def broke(told: RecordedGrant) -> RecordedGrant:
    told.becomes(state=ACTIVE, starts_at=NOW + 9, expires_at=NOW + 309, duration_seconds=300)
    detail = {"by": "staff.gina", "reason": "down", "follow_up_due_at": "2026-11-25T12:00:00Z"}
    told.say(AuditEvent.BREAK_GLASS, Outcome.APPROVED, NOW + 9, detail=detail)
    return told.say(
        AuditEvent.FOLLOW_UP, Outcome.OBJECTED, NOW + 50, detail={"by": "staff.bob", "comment": "not like this"}
    )


def test_rev_08_a_broken_glass_and_what_was_said_of_it_are_in_the_story():
    story = report_of(broke(requested(replace(PENDING, duration_seconds=900), Outcome.REVIEW)))
    assert story.break_glass == ReportedBreakGlass(NOW + 9, "staff.gina", "down", "2026-11-25T12:00:00Z")
    assert story.follow_ups == (FollowUpReview(NOW + 50, "staff.bob", "objected", "not like this"),)
    assert story.granted == Terms(PENDING.permissions, 300)
    assert (story.times.decided, story.times.issued, story.times.until) == (NOW + 9, 0, NOW + 309)


def nothing(told: RecordedGrant) -> RecordedGrant:
    return told


ENDS: dict[str, tuple[Callable[[RecordedGrant], RecordedGrant], Outcome, tuple[object, ...]]] = {
    "pending": (nothing, Outcome.REVIEW, (ReportedState.PENDING, "", "", True, 0)),
    "active": (nothing, Outcome.ALLOWED, (ReportedState.ACTIVE, "", "", True, 0)),
    "released": (
        lambda told: told.say(AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9, detail={"by": "local.reader-agent"}),
        Outcome.ALLOWED, (ReportedState.RELEASED, "local.reader-agent", "", True, NOW + 9),
    ),
    "rejected": (
        lambda told: told.say(
            AuditEvent.VOTE, Outcome.REJECTED, NOW + 9, detail={"by": "staff.bob", "comment": "no", "state": "rejected"}
        ),
        Outcome.REVIEW, (ReportedState.REJECTED, "staff.bob", "no", True, NOW + 9),
    ),
    "no workflow": (
        lambda told: told.say(AuditEvent.REQUEST, Outcome.FAILED, NOW + 9, code="unavailable"),
        Outcome.REVIEW, (ReportedState.FAILED, "", "unavailable", True, NOW + 9),
    ),
    "refused by STS": (
        lambda told: told.say(AuditEvent.ISSUE, Outcome.FAILED, NOW + 9, code="issue_refused"),
        Outcome.ALLOWED, (ReportedState.FAILED, "", "issue_refused", True, NOW + 9),
    ),
    "throttled by STS": (
        lambda told: told.say(AuditEvent.ISSUE, Outcome.FAILED, NOW + 9, code="unavailable"),
        Outcome.ALLOWED, (ReportedState.ACTIVE, "", "", True, 0),
    ),
    "expired": (
        lambda told: told.say(AuditEvent.EXPIRY, Outcome.EXPIRED, NOW + 400),
        Outcome.ALLOWED, (ReportedState.EXPIRED, "", "", True, NOW + 300),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_end_04_how_it_ended_is_told(name: str):
    change, outcome, expected = ENDS[name]
    story = report_of(change(requested(PENDING if outcome is Outcome.REVIEW else GRANT, outcome)), now=NOW + 20)
    assert (story.end.how, story.end.by, story.end.why, story.end.noted, story.times.ended) == expected


def test_end_04_an_end_that_nobody_noted_is_told_as_such():
    story = report_of(requested(), now=NOW + 300)
    assert (story.end.how, story.end.noted, story.times.ended) == (ReportedState.EXPIRED, False, NOW + 300)


def test_a_failed_issue_is_no_issue():
    told = (
        requested()
        .say(AuditEvent.ISSUE, Outcome.FAILED, NOW + 1, code="unavailable")
        .say(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 9)
    )
    assert [(each.at, each.outcome) for each in report_of(told).issues] == [(NOW + 1, "failed"), (NOW + 9, "allowed")]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(200))
@given(st.data())
def test_whatever_somebody_wrote_into_a_line_something_is_told(data):
    lines, calls = reviewed().lines, [dict(each) for each in CALLS]
    for line in (*lines, *calls):
        name = data.draw(st.sampled_from(sorted(line)))
        line[name] = data.draw(ANYTHING)
    detail = data.draw(ANYTHING)
    lines[2]["detail"] = json.dumps(detail)
    story = build_report(GRANT.id, lines, calls, LATER)
    assert story is None or story.grant_id == GRANT.id


def test_cells_of_athena_read_as_published_lines_do():
    told = reviewed()
    cells = [
        line | {name: json.dumps(line[name]) for name in ("policies", "actions", "resources")} for line in told.lines
    ]
    lists = ("actions", "resources", "made", "taken", "reasons")
    rows = [each | {name: json.dumps(each[name]) for name in lists} for each in CALLS]
    assert build_report(GRANT.id, cells, rows, LATER) == report_of(told, CALLS)
