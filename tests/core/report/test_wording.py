"""A story in words: what somebody wrote passes for nothing else, and pushes nothing out (rows AUD 4, REV 10)."""

from dataclasses import replace

import pytest

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import GrantReport
from jitney.core.report.suggestion import suggest
from jitney.core.report.wording import sections
from jitney.core.trail.event import SCOPED_CREDENTIALS_OPERATION
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.report.recorded_grants import ACTIONS, LATER, MAY_NEED, RecordedGrant, call, report_of, requested
from tests.fakes import GRANT, NOW

BYPASS = CallVerdict(Purpose.GRANT, GRANT.id, ("not_issued_by_jitney",))
CLOSING = ("”", "“", "„", "‟", "〞", "❞", "＂", "″", "ˮ", "🙷")


def rows(story: GrantReport) -> list[tuple[str, str]]:
    told = sections(story, suggest(story, ACTIONS, MAY_NEED, LATER))
    return [(row.name, row.text) for section in told for row in section.rows]


@pytest.mark.parametrize("mark", CLOSING)
def test_rev_10_a_reason_cannot_pass_for_a_ticket(mark: str):
    real = rows(report_of(requested(replace(GRANT, reason="fix it", ticket="CHG-1234 approved by bob"))))
    reason = f"fix it{mark}, ticket {mark}CHG-1234 approved by bob"
    forged = rows(report_of(requested(replace(GRANT, reason=reason, ticket=""))))
    assert [row for row in real if row[0] in ("why", "ticket")] == [
        ("why", "“fix it”"), ("ticket", "“CHG-1234 approved by bob”"),
    ]  # fmt: skip
    ((_, why),) = [row for row in forged if row[0] in ("why", "ticket")]
    assert why == '“fix it", ticket "CHG-1234 approved by bob”'


@pytest.mark.parametrize("mark", CLOSING)
def test_rev_10_what_somebody_wrote_ends_where_its_quotation_mark_is(mark: str):
    told = requested().say(
        AuditEvent.REVOCATION, Outcome.REVOKED, NOW + 9, detail={"by": "staff.olga", "reason": f"no{mark} by staff.bob"}
    )
    ((_, text),) = [row for row in rows(report_of(told)) if row[0] == "ended"]
    assert text.endswith('taken back by staff.olga: “no" by staff.bob”')


def test_aud_04_the_record_of_an_allowed_request_is_that_of_its_first_issue():
    def chain(told: RecordedGrant) -> str:
        return dict(rows(report_of(told)))["chain"]

    assert (
        chain(requested().say(AuditEvent.RELEASE, Outcome.RELEASED, NOW + 9))
        == "0 request allowed, and issued; 1 release released"
    )
    failed = requested().say(AuditEvent.ISSUE, Outcome.FAILED, code="issue_refused")
    assert chain(failed) == "0 request allowed; 1 issue failed (issue_refused)"
    assert chain(requested(GRANT, Outcome.REVIEW)) == "0 request review"


def test_aud_04_of_the_brokers_own_calls_only_what_happened_is_told():
    scoping = call(
        1,
        service="sts",
        operation=SCOPED_CREDENTIALS_OPERATION,
        actions=(f"sts:{SCOPED_CREDENTIALS_OPERATION}",),
        resources=(),
    )
    told = dict(rows(report_of(requested(), [scoping], NOW + 9)))["besides"]
    assert told == "1 call of the broker's own, to issue credentials"
    told = dict(rows(report_of(requested(), [scoping])))["besides"]
    assert told == "1 call of the broker's own, to issue credentials and to see that the end holds"


@pytest.mark.parametrize("verdict", ["bypass", "denied"])
def test_aud_04_no_number_of_kinds_of_calls_pushes_one_out_of_the_story(verdict: str):
    kind = {"verdict": BYPASS} if verdict == "bypass" else {"error_code": "AccessDenied"}
    calls = [call(number, operation=f"Op{number}", time=NOW + number, **kind) for number in range(100)]
    calls.append(call(100, service="iam", operation="CreateUser", time=NOW + 100, **kind))
    assert any("iam:CreateUser" in text for _, text in rows(report_of(requested(), calls)))


def test_aud_04_what_nothing_explains_stands_before_what_an_agent_can_fill_the_page_with():
    calls = [call(number, operation=f"Op{number}", error_code="AccessDenied") for number in range(100)]
    calls.append(call(100, BYPASS, service="iam", operation="CreateUser", time=NOW + 100))
    done = [text for name, text in rows(report_of(requested(), calls)) if name.endswith("×")]
    assert done[0].startswith("iam:CreateUser not explained")
    assert len(done) == 101
