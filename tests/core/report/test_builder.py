"""The report of a grant from its records and calls (rows AUD 1, AUD 4)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.request import Permission, Way
from jitney.core.delegation import Delegation
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
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
from tests.identities import identity

OBJECT = "arn:aws:s3:::reports/2026/q3.csv"
DELEGATION = Delegation("owners", identity("staff.carol"), "a-1", NOW, NOW + 86_400)
BYPASS = CallVerdict(Purpose.GRANT, GRANT.id, ("key_not_issued",))
CANARY = CallVerdict(Purpose.CANARY, GRANT.id, ())


def reviewed() -> RecordedGrant:
    """Return a request for two permissions: notified, narrowed, approved, used, renewed and revoked."""
    wide = replace(
        grant_of(("s3:GetObject s3:DeleteObject", "arn:aws:s3:::reports/2026/*")),
        state=PENDING.state, starts_at=None, expires_at=NOW + 3600, reviews=(("owners",),), human=identity("local.hal"),
        duration_seconds=900,
    )  # fmt: skip
    recorded = requested(wide, Outcome.REVIEW, risks=("DataExfiltration: reads data",), calls=("aws s3 cp",))
    sent = [{"channel": "mail", "to": "staff.alice", "code": ""}, {"channel": "slack", "to": "#o", "code": "not_here"}]
    recorded.write(
        AuditEvent.NOTICE, Outcome.SENT, NOW + 1, "",
        detail={"notice": "requested", "reviewers": ["staff.alice", "staff.bob"], "sent": sent},
    )  # fmt: skip
    less = (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),)
    recorded.becomes(permissions=less, duration_seconds=300, state=ACTIVE, starts_at=NOW + 60, expires_at=NOW + 360)
    recorded.write(
        AuditEvent.VOTE, Outcome.APPROVED, NOW + 60, "203.0.113.9", policies=("data-owners",),
        detail={
            "by": "staff.bob", "delegations": [DELEGATION.view()],
            "comment": "the report alone", "via": "slack",
            "permissions": recorded.grant.view()["permissions"], "state": "active",
        },
    )  # fmt: skip
    recorded.write(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 65)
    recorded.write(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 100, "198.51.100.8")
    recorded.write(
        AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 200, "", detail={"by": "staff.olga", "reason": "enough"}
    )
    return recorded.write(AuditEvent.CANARY, Outcome.DENIED, NOW + 202, "", detail={"denied_after_milliseconds": 1432})


CALLS = [
    call(0, **BEGINNING),
    call(1, time=NOW + 70), call(2, time=NOW + 80, error_code="NoSuchKey"),
    call(3, time=NOW + 90, operation="DeleteObject", actions=("s3:DeleteObject",), error_code="AccessDenied"),
    call(4, time=NOW + 110, service="iam", operation="CreateUser", actions=("iam:CreateUser",), created=("user x",)),
    call(5, BYPASS, time=NOW + 250), call(6, BYPASS, time=NOW + 251), call(6, time=NOW + 251),
    call(7, CANARY, time=NOW + 201),
]  # fmt: skip


def test_aud_01_the_report_has_each_configuration_with_its_first_event():
    """A vote under another configuration than the request can be that of a reviewer who was added for it."""
    lines = reviewed().lines
    assert report_of(reviewed(), CALLS).configurations == ()  # records of before have none
    digests = {"request": "a" * 32, "vote": "b" * 32, "issue": "b" * 32}
    named = [{**each, "configuration": digests.get(each["event"], "")} for each in lines]
    report = build_report(GRANT.id, named, (), NOW)
    assert report
    vote = next(each for each in report.votes)
    assert report.configurations == (("a" * 32, report.times.requested, "request"), ("b" * 32, vote.at, "vote"))


def test_aud_04_the_report_has_requester_reason_and_decision():
    report = report_of(reviewed(), CALLS)
    assert (report.requester.principal, report.requester.human) == (GRANT.principal, "local.hal")
    assert report.addresses == ("198.51.100.7", "198.51.100.8")
    assert (report.reason, report.ticket, report.requested_calls) == ("monthly report", "OPS-12", ("aws s3 cp",))
    both = Permission(("s3:GetObject", "s3:DeleteObject"), ("arn:aws:s3:::reports/2026/*",))
    assert report.requested == Terms((both,), 900)
    assert report.granted == Terms((Permission(("s3:GetObject",), both.resources),), 300)
    assert (report.policies, report.policy_version) == (("data-owners",), "v1")
    assert (report.reviews, report.risks) == ((("owners",),), ("DataExfiltration: reads data",))
    (sent,) = report.notifications
    assert (sent.recipients, sent.channels, sent.failures) == (
        ("staff.alice", "staff.bob"),
        ("mail",),
        ("slack: not_here",),
    )
    (vote,) = report.votes
    assert (vote.by, vote.verdict, vote.on_behalf_of, vote.comment) == (
        "staff.bob", "approved", ("staff.carol",), "the report alone",
    )  # fmt: skip
    assert vote.narrowed_terms == report.granted
    assert report.warnings == ()


def test_aud_04_the_report_has_times_and_end():
    report = report_of(reviewed(), CALLS)
    assert report.times == (NOW, NOW + 60, NOW + 65, NOW + 360, NOW + 200)
    assert report.end[:5] == (ReportedState.REVOKED, "staff.olga", "enough", True, 1432)
    assert report.issuances == (
        CredentialIssuance(NOW + 65, "198.51.100.7", "allowed", ""),
        CredentialIssuance(NOW + 100, "198.51.100.8", "allowed", ""),
    )


def test_aud_04_calls_are_grouped_and_unused_permissions_listed():
    report = report_of(reviewed(), CALLS)
    assert [(use.name, use.code, use.times) for use in report.usage.uses] == [
        ("s3:GetObject", "", 2), ("s3:GetObject", "NoSuchKey", 1), ("iam:CreateUser", "", 1),
    ]  # fmt: skip
    assert report.usage.uses[0].resources == (OBJECT,)
    assert [(use.name, use.code) for use in report.usage.denied] == [("s3:DeleteObject", "AccessDenied")]
    assert [(use.name, use.bypass_reasons, use.times) for use in report.usage.bypasses] == [
        ("s3:GetObject", ("key_not_issued",), 1)
    ]
    assert (report.usage.calls, report.usage.sessions_started, report.usage.broker_calls) == (6, 1, 1)
    assert [(each.resource, each.name) for each in report.usage.leftover_resources] == [("user x", "iam:CreateUser")]
    assert report.usage.unused_permissions == ()
    assert report_of(reviewed(), CALLS[:1]).usage.unused_permissions == (
        Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),
    )


@pytest.mark.parametrize("earlier", [(), ("key_not_issued",), ("unrecorded",), ("resource_not_granted",)])
def test_aud_03_a_dispute_about_the_key_replaces_every_other_verdict(earlier: tuple[str, ...]):
    verdicts = [CallVerdict(Purpose.READS, GRANT.id, reasons) for reasons in (("key_issued_twice",), earlier)]
    for order in (verdicts, verdicts[::-1]):
        found = report_of(reviewed(), [call(7, verdict) for verdict in order]).usage
        assert [each.bypass_reasons for each in found.bypasses] == [("key_issued_twice",)]


@pytest.mark.parametrize(("gone", "left"), [("", []), ("e-4", []), ("e-9", ["user x"])])
def test_aud_04_a_deleted_resource_is_not_left_over(gone: str, left: list[str]):
    later = call(
        9, time=NOW + 111, service="iam", operation="DeleteUser", actions=("iam:DeleteUser",), deleted=("user x",)
    )
    calls = [each for each in [*CALLS, later] if each["event_id"] != gone]
    assert [each.resource for each in report_of(reviewed(), calls).usage.leftover_resources] == left


IN_TURN = ("CreateUser", "DeleteUser", "CreateUser", "DeleteUser")


@pytest.mark.parametrize(
    ("times", "left"),
    [((0, 0, 0), 1), ((0, 1, 1), 1), ((0, 1), 0), ((0, 0), 1), ((0, 1, 2), 1), ((0, 1, 2, 2), 1), ((0, 1, 2, 3), 0)],
)
def test_aud_04_a_resource_created_again_in_the_second_of_its_deletion_is_left_over(times: tuple[int, ...], left: int):
    """CloudTrail has whole seconds, so two events of one second have no order."""
    calls = [
        call(number, time=NOW + at, service="iam", operation=name,
             **{"created" if name == "CreateUser" else "deleted": ("user x",)})
        for number, (at, name) in enumerate(zip(times, IN_TURN, strict=False))
    ]  # fmt: skip
    found = report_of(requested(), calls).usage.leftover_resources
    assert bool(found) is bool(left)
    assert {each.resource for each in found} <= {"user x"}


def test_aud_04_a_resource_with_an_unreadable_creation_time_is_left_over():
    made = call(1, service="iam", operation="CreateUser", created=("user x",)) | {"time": "yesterday"}
    gone = call(2, service="iam", operation="DeleteUser", deleted=("user x",))
    assert [each.resource for each in report_of(requested(), [made, gone]).usage.leftover_resources] == ["user x"]


def test_aud_04_an_unexplained_call_does_not_count_as_use():
    """Forged calls in a grant's name cannot show a permission as used."""
    table = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
    recorded = requested(grant_of(("dynamodb:DeleteTable", table), ("s3:GetObject", OBJECT)))
    strange = call(2, BYPASS, service="dynamodb", operation="DeleteTable", actions=("dynamodb:DeleteTable",))
    report = report_of(recorded, [call(1), strange])
    assert report.usage.unused_permissions == (Permission(("dynamodb:DeleteTable",), (table,)),)
    assert [each.event_id for each in report.usage.explained_calls] == ["e-1"]
    assert ([use.name for use in report.usage.bypasses], report.usage.calls) == (["dynamodb:DeleteTable"], 2)


def test_aud_04_scoping_a_session_down_is_the_brokers_call_unless_granted():
    scoped = call(1, service="sts", operation="GetScopedCredentials", actions=("sts:GetScopedCredentials",))
    report = report_of(requested(), [scoped])
    assert (report.usage.calls, report.usage.broker_calls, report.usage.uses) == (0, 1, ())
    named = report_of(requested(grant_of(("sts:GetScopedCredentials", "*"))), [scoped])
    assert (named.usage.calls, named.usage.broker_calls) == (1, 0)


ADMIN = "arn:aws:iam::444455556666:role/admin"


@pytest.mark.parametrize("operation", sorted(ASSUME_ROLE_OPERATIONS))
@pytest.mark.parametrize("request_text", [json.dumps({"roleArn": ADMIN}), "", "no JSON", "[]", '{"roleArn":7}'])
def test_aud_04_assuming_another_role_is_a_call_of_the_agent(operation: str, request_text: str):
    """If role chaining counted as the start of the grant's session, no list of calls would show it."""
    grant = grant_of(("sts:AssumeRole sts:AssumeRoleWithSAML sts:AssumeRoleWithWebIdentity", ADMIN))
    chained = call(1, service="sts", operation=operation, actions=(f"sts:{operation}",), resources=(ADMIN,),
                   request=request_text)  # fmt: skip
    report = report_of(requested(grant), [call(0, **BEGINNING), chained])
    assert [(use.name, use.resources) for use in report.usage.uses] == [(f"sts:{operation}", (ADMIN,))]
    assert (report.usage.sessions_started, report.usage.calls) == (1, 1)
    assert not any(f"sts:{operation}" in each.actions for each in report.usage.unused_permissions)


@settings(max_examples=examples(100))
@given(st.randoms(use_true_random=False))
def test_aud_04_order_and_repetition_make_no_difference(chance):
    recorded = reviewed()
    records, calls = recorded.lines * 2, CALLS * 2
    chance.shuffle(records)
    chance.shuffle(calls)
    assert build_report(GRANT.id, records, calls, LATER) == report_of(recorded, CALLS)


@pytest.mark.parametrize("missing", range(6))
def test_aud_02_a_gap_in_the_chain_is_a_warning_and_the_rest_is_reported(missing: int):
    recorded = reviewed()
    del recorded.links[missing]
    report = report_of(recorded, CALLS)
    assert f"Missing from the chain: record {missing}. The report is incomplete." in report.warnings
    assert len(report.records) == 6


@pytest.mark.parametrize(("way", "issued"), [(Way.CREDENTIALS, 1), (Way.GATEWAY, 0)])
def test_gw_08_no_credentials_are_issued_for_the_gateway(way: Way, issued: int):
    report = report_of(requested(way=way, reveal=False))
    assert (len(report.issuances), report.granted is not None) == (issued, True)


def test_aud_04_access_that_no_record_allows_is_a_warning():
    """As after a change of the state table by hand."""
    no_decision = "Access was used, but no record says who allowed it."
    assert no_decision in report_of(RecordedGrant().write(AuditEvent.ISSUE, Outcome.ALLOWED)).warnings
    pending = requested(replace(GRANT, state=PENDING.state), Outcome.REVIEW)
    sent = {Outcome.SENT, Outcome.ANSWERED, Outcome.FAILED}  # a failed call may have run
    for outcome in (None, Outcome.REFUSED, Outcome.DENIED, *sent):
        made = AuditRecord(NOW, AuditEvent.CALL, outcome, grant_id=GRANT.id) if outcome else None
        lines = [json.loads(chain_record(made, "c-aaaaaaaaaaaaaa").text)] if made else []
        report = build_report(GRANT.id, [*pending.lines, *lines], (), LATER)
        assert report is not None
        assert report.warnings == ((no_decision,) if outcome in sent else ())
    wider = reviewed()
    wider.becomes(permissions=(Permission(("s3:GetObject",), ("arn:aws:s3:::*",)),))
    wider.write(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 150)
    assert report_of(wider).warnings == (
        "Credentials were issued for other actions or resources than those on record as granted.",
    )


def test_aud_02_a_huge_record_number_is_a_gap_and_takes_no_time():
    recorded = reviewed()
    lines = recorded.lines
    lines[-1]["seq"] = 10**15 - 1
    report = build_report(GRANT.id, lines, (), LATER)
    assert report is not None
    assert report.warnings[0].startswith("Missing from the chain: record 6 to 999999999999998.")


def test_aud_02_duplicate_numbers_and_broken_links_are_warnings():
    recorded, other = reviewed(), reviewed()
    changed = json.loads(other.links[2].text) | {"reason": "nothing to see here", "hash": "f" * 64}
    report = build_report(GRANT.id, [*recorded.lines, changed], (), LATER)
    assert report is not None
    assert "2 different records have number 2; all are listed. Run `jitney audit verify`." in report.warnings
    report = build_report(GRANT.id, [*recorded.lines[:2], changed, *recorded.lines[3:]], (), LATER)
    assert report is not None
    assert report.warnings == ("Record 3 does not match the hash of the record before it. Run `jitney audit verify`.",)


def test_aud_01_an_unknown_event_is_listed():
    recorded = requested()
    lines = recorded.lines
    lines.append(lines[0] | {"seq": 1, "prev": lines[0]["hash"], "event": "teleported", "outcome": "elsewhere"})
    report = build_report(GRANT.id, lines, (), LATER)
    assert report is not None
    assert [(each.event, each.outcome, each.known) for each in report.records] == [
        ("request", "allowed", True), ("teleported", "elsewhere", False),
    ]  # fmt: skip


def test_aud_01_lines_of_other_grants_are_ignored_but_joined_requests_and_bypasses_are_listed():
    recorded, other = requested(), requested(PENDING)
    joined = chain_record(
        AuditRecord(NOW + 5, AuditEvent.REQUEST, Outcome.REVIEW, code="joined", grant_id=GRANT.id), "r-1"
    )
    bypass = chain_record(AuditRecord(NOW + 6, AuditEvent.BYPASS, Outcome.UNEXPLAINED, grant_id=GRANT.id), "r-2")
    strange = call(1) | {"grant_id": PENDING.id}
    lines = [*recorded.lines, *other.lines, json.loads(joined.text), json.loads(bypass.text)]
    report = build_report(GRANT.id, lines, [strange], LATER)
    assert report is not None
    assert (report.repeated_requests, report.usage.calls, report.warnings) == ((NOW + 5,), 0, ())
    assert [each.event for each in report.records] == ["request", "request", "bypass"]


def test_without_records_there_is_no_report():
    assert build_report("g-cccccccccccccc", requested().lines, [call(1)], LATER) is None


def broke(recorded: RecordedGrant) -> RecordedGrant:
    recorded.becomes(state=ACTIVE, starts_at=NOW + 9, expires_at=NOW + 309, duration_seconds=300)
    detail = {"by": "staff.gina", "reason": "down", "follow_up_due_at": "2026-11-25T12:00:00Z"}
    recorded.write(AuditEvent.BREAK_GLASS, Outcome.APPROVED, NOW + 9, detail=detail)
    return recorded.write(
        AuditEvent.FOLLOW_UP, Outcome.OBJECTED, NOW + 50, detail={"by": "staff.bob", "comment": "not like this"}
    )


@pytest.mark.parametrize("ended", ["released", "expired"])
def test_rev_11_the_report_has_the_revocation_of_an_approval_and_when_the_access_ended(ended: str):
    recorded = requested(replace(GRANT, counts_again=True))
    at = NOW + 9 if ended == "released" else NOW + 300
    if ended == "released":
        recorded.write(AuditEvent.RELEASE, Outcome.RELEASED, at, detail={"by": "local.reader-agent"})
    else:
        recorded.write(AuditEvent.EXPIRY, Outcome.EXPIRED, NOW + 400)
    said = {"by": "corp.olga", "reason": "wrong"}
    recorded.write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 7000, detail=said)
    report = report_of(recorded, now=NOW + 9000)
    assert (report.end.state, report.end.by, report.end.reason) == (ReportedState.REVOKED, "corp.olga", "wrong")
    assert report.times.ended == at


def test_rev_16_a_call_that_was_sent_ended_with_its_use_although_its_approval_was_revoked_then():
    recorded = requested(GRANT)
    recorded.write(AuditEvent.USE, Outcome.SENT, NOW + 9)
    recorded.write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 100, detail={"by": "corp.olga", "reason": "wrong"})
    report = report_of(recorded, now=NOW + 9000)
    assert (report.end.state, report.end.by) == (ReportedState.REVOKED, "corp.olga")
    assert report.times.ended == NOW + 9  # as `access_periods` says


def test_rev_08_the_report_has_break_glass_use_and_follow_up():
    report = report_of(broke(requested(replace(PENDING, duration_seconds=900), Outcome.REVIEW)))
    assert report.break_glass == ReportedBreakGlass(NOW + 9, "staff.gina", "down", "2026-11-25T12:00:00Z")
    assert report.follow_up_reviews == (FollowUpReview(NOW + 50, "staff.bob", "objected", "not like this"),)
    assert report.granted == Terms(PENDING.permissions, 300)
    assert (report.times.decided, report.times.issued, report.times.expires_at) == (NOW + 9, 0, NOW + 309)


def nothing(recorded: RecordedGrant) -> RecordedGrant:
    return recorded


ENDS: dict[str, tuple[Callable[[RecordedGrant], RecordedGrant], Outcome, tuple[object, ...]]] = {
    "pending": (nothing, Outcome.REVIEW, (ReportedState.PENDING, "", "", True, 0)),
    "active": (nothing, Outcome.ALLOWED, (ReportedState.ACTIVE, "", "", True, 0)),
    "released": (
        lambda recorded: recorded.write(
            AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9, detail={"by": "local.reader-agent"}
        ),
        Outcome.ALLOWED, (ReportedState.RELEASED, "local.reader-agent", "", True, NOW + 9),
    ),
    "rejected": (
        lambda recorded: recorded.write(
            AuditEvent.VOTE, Outcome.REJECTED, NOW + 9, detail={"by": "staff.bob", "comment": "no", "state": "rejected"}
        ),
        Outcome.REVIEW, (ReportedState.REJECTED, "staff.bob", "no", True, NOW + 9),
    ),
    "approved while policies denied it": (
        lambda recorded: recorded.write(
            AuditEvent.VOTE, Outcome.APPROVED, NOW + 9, code="denied",
            detail={"by": "staff.bob", "comment": "fine", "state": "failed"},
        ),
        Outcome.REVIEW, (ReportedState.FAILED, "", "denied", True, NOW + 9),
    ),
    "no workflow": (
        lambda recorded: recorded.write(AuditEvent.REQUEST, Outcome.FAILED, NOW + 9, code="unavailable"),
        Outcome.REVIEW, (ReportedState.FAILED, "", "unavailable", True, NOW + 9),
    ),
    "refused by STS": (
        lambda recorded: recorded.write(AuditEvent.ISSUE, Outcome.FAILED, NOW + 9, code="policy_too_large"),
        Outcome.ALLOWED, (ReportedState.FAILED, "", "policy_too_large", True, NOW + 9),
    ),
    "throttled by STS": (
        lambda recorded: recorded.write(AuditEvent.ISSUE, Outcome.FAILED, NOW + 9, code="unavailable"),
        Outcome.ALLOWED, (ReportedState.ACTIVE, "", "", True, 0),
    ),
    "expired": (
        lambda recorded: recorded.write(AuditEvent.EXPIRY, Outcome.EXPIRED, NOW + 400),
        Outcome.ALLOWED, (ReportedState.EXPIRED, "", "", True, NOW + 300),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_end_04_the_report_has_the_end(name: str):
    change, outcome, expected = ENDS[name]
    report = report_of(change(requested(PENDING if outcome is Outcome.REVIEW else GRANT, outcome)), now=NOW + 20)
    assert (report.end.state, report.end.by, report.end.reason, report.end.recorded, report.times.ended) == expected


def test_end_04_an_expiry_without_record_is_marked():
    report = report_of(requested(), now=NOW + 300)
    assert (report.end.state, report.end.recorded, report.times.ended) == (ReportedState.EXPIRED, False, NOW + 300)


def test_a_failed_issuance_is_listed_as_failed():
    recorded = (
        requested()
        .write(AuditEvent.ISSUE, Outcome.FAILED, NOW + 1, code="unavailable")
        .write(AuditEvent.ISSUE, Outcome.ALLOWED, NOW + 9)
    )
    assert [(each.at, each.outcome) for each in report_of(recorded).issuances] == [
        (NOW + 1, "failed"),
        (NOW + 9, "allowed"),
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(200))
@given(st.data())
def test_any_content_in_a_line_still_gives_a_report(data):
    lines, calls = reviewed().lines, [dict(each) for each in CALLS]
    for line in (*lines, *calls):
        name = data.draw(st.sampled_from(sorted(line)))
        line[name] = data.draw(ANYTHING)
    detail = data.draw(ANYTHING)
    lines[2]["detail"] = json.dumps(detail)
    report = build_report(GRANT.id, lines, calls, LATER)
    assert report is None or report.grant_id == GRANT.id


def test_athena_cells_and_published_lines_give_the_same_report():
    recorded = reviewed()
    cells = [
        line | {name: json.dumps(line[name]) for name in ("policies", "actions", "resources")}
        for line in recorded.lines
    ]
    lists = ("actions", "resources", "created", "deleted", "reasons")
    rows = [each | {name: json.dumps(each[name]) for name in lists} for each in CALLS]
    assert build_report(GRANT.id, cells, rows, LATER) == report_of(recorded, CALLS)


UNREADABLE: dict[str, Any] = {
    "a key of a later version": {"aws:NewKey": ["x"]},
    "a text": "s3:prefix",
    "a list": [["s3:prefix", "a"]],
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_aud_04_a_permission_with_unreadable_conditions_is_not_reported_without_them(name: str):
    conditional = {"actions": ["s3:ListBucket"], "resources": ["arn:aws:s3:::b"], "conditions": UNREADABLE[name]}
    plain = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/*"]}
    for listed, readable in (([conditional], 0), ([conditional, plain], 1)):
        report = report_of(requested(permissions=listed), [call(1)])
        assert report.granted
        assert len(report.granted.permissions) == readable
        assert all(each.actions == ("s3:GetObject",) for each in report.granted.permissions)
        assert report.partial
        assert "Some permissions could not be read." in report.warnings
    assert not report_of(requested(permissions=[plain])).partial
