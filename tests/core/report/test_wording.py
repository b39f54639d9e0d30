"""The report as rows: quoted text cannot forge or displace other rows (rows AUD 4, REV 10)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.request import Permission
from jitney.core.records.audit import AuditEvent, Outcome, chain_record
from jitney.core.records.refusal_counts import RefusalKey
from jitney.core.report.builder import build_report
from jitney.core.report.grant_report import FollowUpReview, GrantReport, ReportedBreakGlass, UsedConfiguration
from jitney.core.report.rows import ReportRow, Tone
from jitney.core.report.suggestion import suggest
from jitney.core.report.wording import sections, state_row
from jitney.core.times import epoch, iso
from jitney.core.trail.event import SCOPED_CREDENTIALS_OPERATION
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.report.recorded_grants import ACTIONS, LATER, MAY_NEED, RecordedGrant, call, report_of, requested
from tests.fakes import GRANT, NOW
from tests.identities import identity

BYPASS = CallVerdict(Purpose.GRANT, GRANT.id, ("not_issued_by_jitney",))
CLOSING = ("”", "“", "„", "‟", "〞", "❞", "＂", "″", "ˮ", "🙷")


def rows(report: GrantReport) -> list[tuple[str, str]]:
    return [(row.name, row.text) for row in toned_rows(report)]


def toned_rows(report: GrantReport) -> list[ReportRow]:
    found = sections(report, suggest(report, ACTIONS, MAY_NEED, LATER), ())
    return [row for section in found for row in section.rows]


@pytest.mark.parametrize("mark", CLOSING)
def test_rev_10_a_reason_cannot_forge_a_ticket(mark: str):
    real = rows(report_of(requested(replace(GRANT, reason="fix it", ticket="CHG-1234 approved by bob"))))
    reason = f"fix it{mark}, ticket {mark}CHG-1234 approved by bob"
    forged = rows(report_of(requested(replace(GRANT, reason=reason, ticket=""))))
    assert [row for row in real if row[0] in ("reason", "ticket")] == [
        ("reason", "“fix it”"), ("ticket", "“CHG-1234 approved by bob”"),
    ]  # fmt: skip
    ((_, why),) = [row for row in forged if row[0] in ("reason", "ticket")]
    assert why == '“fix it", ticket "CHG-1234 approved by bob”'


def test_aud_04_the_report_names_the_owners_of_the_agent_at_the_time_of_the_request():
    owned = replace(GRANT, agent_owners=(identity("staff.olaf"), identity("staff.ann")))
    assert ("owners", "staff.olaf, staff.ann") in rows(report_of(requested(owned)))
    assert "owners" not in dict(rows(report_of(requested())))


def test_rev_08_access_by_break_glass_is_no_good_news():
    active = report_of(requested(), now=NOW + 9)
    use, seen = (
        ReportedBreakGlass(NOW, "staff.gina", "down", "2026-11-25T12:00:00Z"),
        FollowUpReview(NOW, "b", "ok", ""),
    )
    broken = replace(active, break_glass=use)
    assert [state_row(each).tone for each in (active, broken)] == [Tone.GOOD, Tone.BAD]
    due = ("follow-up", "not reviewed yet; due by 2026-11-25T12:00:00Z")
    reviewed = replace(broken, follow_up_reviews=(seen,))
    assert [due in rows(each) for each in (active, broken, reviewed)] == [False, True, False]


@pytest.mark.parametrize("mark", CLOSING)
def test_rev_10_quoted_text_ends_at_its_quotation_mark(mark: str):
    recorded = requested().write(
        AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 9, detail={"by": "staff.olga", "reason": f"no{mark} by staff.bob"}
    )
    ((_, text),) = [row for row in rows(report_of(recorded)) if row[0] == "ended"]
    assert text.endswith('revoked by staff.olga: “no" by staff.bob”')


@pytest.mark.parametrize(
    ("code", "tone", "why"),
    [
        ("", Tone.GOOD, ""),
        ("review_changed", Tone.PLAIN, "; did not count, because policies require other reviewers now"),
        ("denied", Tone.PLAIN, "; did not count, because policies deny the request now"),
    ],
)
def test_aud_04_a_vote_that_did_not_count_says_why(code: str, tone: Tone, why: str):
    detail = {"by": "staff.bob", "via": "web", "state": "pending"}
    asked = requested(GRANT, Outcome.REVIEW).write(
        AuditEvent.VOTE, Outcome.APPROVED, NOW + 9, code=code, detail=detail, duration_seconds=GRANT.duration_seconds
    )
    (row,) = [row for row in toned_rows(report_of(asked)) if row.name == "approved"]
    assert (row.text, row.tone) == (f"by staff.bob on the web at 12:00:09{why}", tone)


def refused(number: int, at: int = NOW, *, grant: str = GRANT.id, **key: Any) -> dict[str, Any]:
    """Return the published record of refusals, in a chain of its own."""
    about = {"issuer": "", "source_ip": "", "code": "not_reviewer", "principal": "staff.eve", "event": AuditEvent.VOTE}
    record = RefusalKey(**about | {"grant": grant} | key).record(number, at)
    return dict(json.loads(chain_record(record, f"r-{number}-{at}").text))


def test_rev_05_the_report_lists_refused_votes_with_their_number():
    lines = [
        refused(1), refused(1), refused(2, NOW + 60), refused(4, NOW + 120, code="own_request", principal="staff.olaf"),
        refused(1, NOW + 180, event=AuditEvent.BREAK_GLASS), refused(8, grant="g-bbbbbbbbbbbbbb"),
        refused(16) | {"outcome": "failed"}, refused(32) | {"grant_id": "g-bbbbbbbbbbbbbb"},
    ]  # fmt: skip
    report = build_report(GRANT.id, [*lines, *requested(GRANT, Outcome.REVIEW).lines], (), LATER)
    assert report
    assert [text for name, text in rows(report) if name == "refused"] == [
        "3 × vote by staff.eve at 12:00:00 to 12:01:00: not_reviewer",
        "4 × vote by staff.olaf at 12:02:00: own_request",
        "break-glass by staff.eve at 12:03:00: not_reviewer",
    ]
    many = [refused(1, NOW + each, code=f"code_{each}") for each in range(5)]
    report = build_report(GRANT.id, [*many, *requested().lines], (), LATER)
    assert report
    assert ("", "and 2 more, listed with --json") in rows(report)
    assert len(report.refused_attempts) == 5


HOSTILE = "\x1b[2J\u202e\n" + "x" * 5000


@pytest.mark.parametrize("entries", [(Outcome.FAILED,), (Outcome.FAILED, Outcome.SET)])
def test_aud_04_no_text_of_a_record_controls_a_terminal_or_fills_the_report(entries: tuple[Outcome, ...]):
    owned = {"requester": {"name": "ci", "facts": [], "human_name": "", "owners": [HOSTILE] * 99}}
    recorded = requested(**owned).write(AuditEvent.VOTE, Outcome.APPROVED, code=HOSTILE[:9], detail={"by": HOSTILE})
    recorded.write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 9, detail={"by": HOSTILE})
    for outcome in entries:
        recorded.write(AuditEvent.DENY_ENTRY, outcome, NOW + 99, code=HOSTILE[:9])
    attempts = [refused(1, NOW + each) | {"event": f"{HOSTILE[:9]}{each}", "code": HOSTILE[:9]} for each in range(99)]
    attempts.append(refused(1) | {"principal": HOSTILE})
    report = build_report(GRANT.id, [*recorded.lines, *attempts], (), LATER)
    assert report
    found = rows(report)
    assert {"owners", "refused", "approved", "denied" if len(entries) > 1 else "not denied"} <= {
        each for each, _ in found
    }
    assert [each for each in found if not "".join(each).isprintable() or len(each[1]) > 1000] == []
    assert len([each for each, _ in found if each == "refused"]) < 5


def revoked(*entries: tuple[Outcome, int, str], at: int = NOW + 9, **detail: str) -> RecordedGrant:
    """Return a revoked grant whose deny entry was written or refused at these times."""
    recorded = requested().write(AuditEvent.REVOCATION, Outcome.REVOKED, at, detail={"by": "staff.olga"} | detail)
    for outcome, when, code in entries:
        written = {"written_at": iso(when)} if outcome is Outcome.SET else {}
        recorded.write(AuditEvent.DENY_ENTRY, outcome, when + 3, code=code, detail=written)
    return recorded


SET, FAILED = Outcome.SET, Outcome.FAILED
REFUSED_FIRST = "At first, IAM did not accept it: revocation_incomplete."
NO_RECORD = "no record says that AWS denies the credentials, which expire at 12:05:00."


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        (revoked((SET, NOW + 9, "")), []),
        (revoked((SET, NOW + 129, "")), [("denied", "IAM accepted the deny entry at 12:02:09, 2 minutes later.")]),
        (
            revoked((FAILED, NOW + 9, "revocation_incomplete"), (SET, NOW + 69, "")),
            [("denied", f"IAM accepted the deny entry at 12:01:09, 1 minute later. {REFUSED_FIRST}")],
        ),
        (
            revoked((FAILED, NOW + 9, "revocation_incomplete")),
            [("not denied", f"{NO_RECORD} IAM did not accept the deny entry: revocation_incomplete.")],
        ),
        (revoked(), [("not denied", NO_RECORD)]),
        (
            requested()
            .write(AuditEvent.DENY_ENTRY, Outcome.SET, NOW + 3)
            .write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 9),
            [("not denied", NO_RECORD)],  # the entry is of before
        ),
        (
            requested(GRANT, Outcome.REVIEW)
            .write(AuditEvent.VOTE, Outcome.APPROVED, NOW + 3, detail={"state": "active"})
            .write(AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 9),
            [],  # no credentials were issued
        ),
        (revoked(no_denial="in_broker"), []),
        (revoked(suspension="s-1"), []),  # the suspension's own records have the deny entry
        (revoked(at=GRANT.expires_at + 9), []),  # only the approval was revoked
        (requested().write(AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9), []),
    ],
)
def test_end_08_the_report_says_if_aws_denied_revoked_credentials_late_or_not_at_all(
    recorded: RecordedGrant, shown: list[tuple[str, str]]
):
    report = report_of(recorded)
    assert [row for row in rows(report) if row[0] in ("denied", "not denied")] == shown
    doubts = dict(rows(report))["outcome"].endswith("; no record says that AWS denies its credentials")
    assert doubts is bool(shown and shown[0][0] == "not denied")


def test_end_08_a_grant_of_a_suspension_ended_when_it_was_suspended():
    report = report_of(revoked(at=NOW + 90, suspension="s-1", ended_at=iso(NOW + 30)))
    assert report.times.ended == NOW + 30


def test_aud_04_the_record_of_an_allowed_request_is_also_its_first_issuance():
    def chain(recorded: RecordedGrant) -> str:
        return dict(rows(report_of(recorded)))["chain"]

    assert (
        chain(requested().write(AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9))
        == "0 request allowed, and issued; 1 release released"
    )
    failed = requested().write(AuditEvent.ISSUE, Outcome.FAILED, code="issue_refused")
    assert chain(failed) == "0 request allowed; 1 issue failed (issue_refused)"
    assert chain(requested(GRANT, Outcome.REVIEW)) == "0 request review"


def test_aud_04_the_broker_row_mentions_the_check_only_after_an_end():
    scoping = call(
        1,
        service="sts",
        operation=SCOPED_CREDENTIALS_OPERATION,
        actions=(f"sts:{SCOPED_CREDENTIALS_OPERATION}",),
        resources=(),
    )
    row = dict(rows(report_of(requested(), [scoping], NOW + 9)))["broker"]
    assert row == "1 call by the broker, to issue credentials"
    row = dict(rows(report_of(requested(), [scoping])))["broker"]
    assert row == "1 call by the broker, to issue credentials and to check that access has ended"


@pytest.mark.parametrize("verdict", ["bypass", "denied"])
def test_aud_04_no_number_of_calls_displaces_a_bypass_or_denial(verdict: str):
    kind = {"verdict": BYPASS} if verdict == "bypass" else {"error_code": "AccessDenied"}
    calls = [call(number, operation=f"Op{number}", time=NOW + number, **kind) for number in range(100)]
    calls.append(call(100, service="iam", operation="CreateUser", time=NOW + 100, **kind))
    assert any("iam:CreateUser" in text for _, text in rows(report_of(requested(), calls)))


def test_aud_04_bypasses_come_before_calls_that_an_agent_can_multiply():
    calls = [call(number, operation=f"Op{number}", error_code="AccessDenied") for number in range(100)]
    calls.append(call(100, BYPASS, service="iam", operation="CreateUser", time=NOW + 100))
    done = [text for name, text in rows(report_of(requested(), calls)) if name.endswith("×")]
    assert done[0].startswith("iam:CreateUser not explained by a grant")
    assert len(done) == 101


def test_aud_04_the_summary_names_what_was_granted_denied_and_how_it_ended_before_all_else():
    """A denied operation is named there, and so a reader does not have to search for it among the calls."""
    denied = call(1, operation="DeleteObject", error_code="AccessDenied")
    released = requested().write(AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9)
    report = report_of(released, [denied])
    first, *_ = sections(report, suggest(report, ACTIONS, MAY_NEED, LATER), ())
    assert first.title == "Summary"
    said = {row.name: row.text for row in first.rows}
    assert said["use"] == "no calls seen in CloudTrail, not counting denied calls"
    assert said["denied"] == f"1 call: {report.usage.denied[0].name}"
    assert said["outcome"].startswith("released")
    assert dict(rows(report))["on behalf of"] == (report.requester.human_name or "no person named")


def test_aud_04_a_permission_that_the_suggestion_keeps_is_not_called_unused():
    """A trail may leave out data events, such as PutObject, but not a change of a bucket's policy."""
    allowed = (
        Permission(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::reports/1",)),
        Permission(("s3:PutBucketPolicy",), ("arn:aws:s3:::reports",)),
    )
    report = report_of(requested(replace(GRANT, permissions=allowed)), [call(1)])
    said = dict(rows(report))
    assert said["unused"] == "s3:PutBucketPolicy"
    assert said["no use seen"].startswith("s3:PutObject; ")
    unknown = suggest(report, ACTIONS, MAY_NEED, LATER)._replace(terms=None)
    without = {row.name: row.text for section in sections(report, unknown, ()) for row in section.rows}
    assert "unused" not in without
    assert without["no use seen"].startswith("s3:PutObject, s3:PutBucketPolicy; ")


def test_aud_01_each_configuration_has_a_row():
    recorded = requested()
    assert "config" not in dict(rows(report_of(recorded)))
    used = tuple(UsedConfiguration(name * 32, NOW, event) for name, event in (("a", "request"), ("b", "break_glass")))
    shown = [text for name, text in rows(replace(report_of(recorded), configurations=used)) if name == "config"]
    clock = shown[0].rpartition(" at ")[2]
    assert shown == [f"{'a' * 32}, since the request at {clock}", f"{'b' * 32}, since the break glass at {clock}"]


def test_rev_11_the_report_has_the_earlier_approvals_that_counted():
    said = [{"grant": "g-earlier", "groups": ["owners"], "at": "2026-11-01T00:00:00Z"}, "damaged"]
    report = report_of(requested(earlier_approvals=said))
    assert report.earlier_approvals == (("g-earlier", ("owners",), epoch("2026-11-01T00:00:00Z")),)
    assert ("approved", "before, by owners at 2026-11-01 00:00:00 UTC, for grant g-earlier") in rows(report)
    damaged = report_of(requested(earlier_approvals=[{"grant": "g-earlier", "groups": 5, "at": None}]))
    assert ("approved", "before, by unknown groups, for grant g-earlier") in rows(damaged)
