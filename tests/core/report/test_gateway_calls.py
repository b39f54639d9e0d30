"""The report shows a grant's calls through the gateway in order (row GW 8)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.outliving import GrantEffect
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.report.builder import build_report
from jitney.core.report.grant_report import GrantReport
from jitney.core.report.json_document import report_document
from jitney.core.report.rows import MOST_ROWS
from jitney.core.report.suggestion import suggest
from jitney.core.report.usage import outliving_effects
from jitney.core.report.wording import sections
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.report.recorded_grants import ACTIONS, LATER, MAY_NEED, PENDING, call, grant_of, report_of, requested
from tests.fakes import GRANT, NOW

ARN = "arn:aws:s3:::reports/2026/q3.csv"
OTHER = "g-dddddddddddddd"


def record(call_id: str, at: int, outcome: Outcome, *, seq: int = 0, code: str = "", **detail: Any) -> dict[str, Any]:
    """Return the line of a call's record."""
    made = {"service": "s3", "operation": "GetObject", "region": "eu-west-1"} | detail
    if seq == 0:
        made.setdefault("parameters", {"Bucket": "reports", "Key": "2026/q3.csv"})
    fields: dict[str, Any] = {"grant_id": GRANT.id, "actions": ("s3:GetObject",), "resources": (ARN,)}
    link = chain_record(AuditRecord(at, AuditEvent.CALL, outcome, code, detail={"call": made}, **fields), call_id, seq)
    return dict(json.loads(link.text))


def event(number: int, call_id: str) -> dict[str, Any]:
    return call(number, CallVerdict(Purpose.CALL, GRANT.id, (), call_id, "recorded"))


def reported(*lines: dict[str, Any], calls: tuple[dict[str, Any], ...] = ()) -> GrantReport:
    found = build_report(GRANT.id, [*requested().lines, *lines], calls, LATER)
    assert found is not None
    return found


def gateway_rows(report: GrantReport) -> list[tuple[str, str]]:
    shown = sections(report, suggest(report, ACTIONS, MAY_NEED, LATER), tuple[GrantEffect, ...]())
    return [(row.name, row.text) for each in shown if each.title == "Calls through the gateway" for row in each.rows]


@pytest.mark.parametrize(
    ("lines", "outlives"),
    [
        ((), False),
        ((record("c-a", NOW + 2, Outcome.REFUSED),), False),
        ((record("c-a", NOW + 2, Outcome.SENT),), True),
        ((record("c-a", NOW + 2, Outcome.ANSWERED),), True),
    ],
)
def test_gw_08_what_outlives_an_approved_grant_is_reported_without_an_issuance(lines: Any, *, outlives: bool):
    user = grant_of(("iam:CreateAccessKey", "arn:aws:iam::444455556666:user/x"))
    pending = requested(replace(user, state=PENDING, starts_at=None), Outcome.REVIEW, way="gateway", reveal=False)
    approved = pending.write(AuditEvent.VOTE, Outcome.APPROVED, detail={"by": "staff.bob", "state": "active"})
    report = build_report(GRANT.id, [*approved.lines, *lines], (), LATER)
    assert report is not None
    assert bool(outliving_effects(report, ACTIONS)) is outlives
    used = build_report(GRANT.id, approved.write(AuditEvent.USE, Outcome.SENT).lines, (), LATER)
    assert used is not None
    assert outliving_effects(used, ACTIONS)


@pytest.mark.parametrize(
    ("used", "words"), [(True, f"sent; the report of grant {OTHER} has the call"), (False, "not sent")]
)
def test_gw_08_the_report_on_the_grant_of_one_call_says_whether_it_was_sent(words: str, *, used: bool):
    call_of_grant = {"grant": OTHER, "service": "s3", "operation": "DeleteObject", "parameters": {"Key": "a"}}
    asked = requested(grant_of(("s3:DeleteObject", ARN)), way="gateway", reveal=False, call=call_of_grant)
    report = report_of(asked.write(AuditEvent.USE, Outcome.SENT) if used else asked)
    rows = [
        row
        for section in sections(report, suggest(report, ACTIONS, MAY_NEED, LATER), tuple[GrantEffect, ...]())
        if section.title in ("Summary", "Activity")
        for row in section.rows
    ]
    assert [row.text for row in rows if row.name == "use"] == [words]
    assert not {row.name for row in rows} & {"calls", "unused", "no use seen"}


WRITE = (
    record("c-write", NOW + 2, Outcome.SENT, operation="PutObject", parameters={"Key": "a", "Body": "[12 bytes]"}),
    record("c-write", NOW + 3, Outcome.ANSWERED, seq=1, operation="PutObject", status=200, masked=["/ETag"]),
)
READ = record("c-read", NOW + 1, Outcome.ANSWERED, status=404)
LOST = record("c-lost", NOW + 4, Outcome.SENT, operation="DeleteObject", parameters={"Key": "b"})


def test_gw_08_the_report_shows_each_call_in_order_with_its_parameters_and_outcome():
    rows = gateway_rows(reported(LOST, *WRITE, READ, calls=(event(1, "c-write"), event(2, "c-write"))))
    parameters = ('“{"Bucket":"reports","Key":"2026/q3.csv"}”', '“{"Body":"[12 bytes]","Key":"a"}”', '“{"Key":"b"}”')
    assert rows == [
        ("12:00:01", f"s3:GetObject in eu-west-1, answered 404, not in CloudTrail: {parameters[0]}"),
        ("12:00:02", f"s3:PutObject in eu-west-1, 1 masked: {parameters[1]}"),
        ("12:00:04", f"s3:DeleteObject in eu-west-1, sent, not in CloudTrail: {parameters[2]}"),
    ]


def test_gw_03_refused_and_denied_calls_are_shown_as_what_they_are():
    named = {"service": "s3", "operation": "DeleteObject", "region": "eu-west-1"}
    fields: dict[str, Any] = {"grant_id": GRANT.id}
    refused = AuditRecord(NOW + 1, AuditEvent.CALL, Outcome.DENIED, "denied", detail={"call": named}, **fields)
    unread = AuditRecord(NOW + 2, AuditEvent.CALL, Outcome.REFUSED, "grant_released", **fields)
    shown = {"call": named | {"parameters": {"Key": "a"}}}
    outside = AuditRecord(NOW + 3, AuditEvent.CALL, Outcome.REFUSED, "call_outside_grant", detail=shown, **fields)
    records = (refused, unread, outside)
    lines = [json.loads(chain_record(each, f"r-{number}").text) for number, each in enumerate(records)]
    assert gateway_rows(reported(*lines)) == [
        ("12:00:01", "s3:DeleteObject in eu-west-1, denied, denied"),
        ("12:00:02", "unread call, refused, grant_released"),
        ("12:00:03", 's3:DeleteObject in eu-west-1, refused, call_outside_grant: “{"Key":"a"}”'),
    ]


def test_gw_08_the_json_report_has_the_calls_and_their_events():
    report = reported(*WRITE, calls=(event(1, "c-write"), event(1, "c-write"), event(2, "c-write")))
    (made,) = report_document(report, suggest(report, ACTIONS, MAY_NEED, LATER), ())["gateway_calls"]
    assert made == {
        "at": "2026-11-24T12:00:02Z",
        "call_id": "c-write",
        "name": "s3:PutObject",
        "region": "eu-west-1",
        "outcome": "answered",
        "code": "",
        "status": 200,
        "parameters": {"Key": "a", "Body": "[12 bytes]"},
        "masked": ("/ETag",),
        "ticket": False,
        "events": 2,
    }


def test_gw_08_records_of_calls_are_not_in_the_grants_chain():
    report = reported(*WRITE, READ)
    assert [(each.event, each.seq) for each in report.records] == [("request", 0)]
    assert report.warnings == ()


def test_aud_04_a_call_counts_once_with_and_without_its_event():
    assert reported(READ).usage.calls == 1
    assert reported(READ, calls=(event(1, "c-read"),)).usage.calls == 1
    assert reported(LOST).usage.calls == 0  # it may not have run


def test_aud_04_a_permission_that_only_a_record_shows_is_used():
    grant = grant_of(("s3:GetObject s3:DeleteObject", ARN))
    found = build_report(GRANT.id, [*requested(grant).lines, READ], (), LATER)
    assert found is not None
    assert [each.actions for each in found.usage.unused_permissions] == [("s3:DeleteObject",)]


def test_rev_10_a_parameter_cannot_forge_another_row():
    forged = record("c-1", NOW, Outcome.ANSWERED, parameters={"Key": "a”, approved by bob\n12:00:09 s3:GetObject"})
    ((_, text),) = gateway_rows(reported(forged))
    assert text.endswith('“{"Key":"a", approved by bob\\n12:00:09 s3:GetObject"}”')


def test_gw_08_a_long_session_says_where_all_calls_are():
    many = [record(f"c-{number}", NOW + number, Outcome.ANSWERED) for number in range(MOST_ROWS + 5)]
    *shown, (_, more) = gateway_rows(reported(*many))
    assert len(shown) == MOST_ROWS
    assert more == f"and 5 more; all calls: jitney audit query calls_of_grant --param {GRANT.id}"


@pytest.mark.parametrize(
    "detail", ["{", "[]", '{"call": 7}', '{"call": {"parameters": 7, "status": "x", "masked": 3}}']
)
def test_aud_04_an_unreadable_detail_stops_no_report(detail: str):
    report = reported(READ | {"detail": detail})
    assert [each.call_id for each in report.gateway_calls] == ["c-read"]
    assert gateway_rows(report)
