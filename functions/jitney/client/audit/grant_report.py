"""Reads grant reports from Athena, for `jitney audit show`. Needs the extra `audit`."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from jitney.client.api.responses import GRANT_ID
from jitney.client.audit.athena import Athena
from jitney.client.audit.audit_names import KnownNames
from jitney.client.audit.grant_report_output import page, show
from jitney.client.audit.record_lines import GAPS_BEFORE_DAYS, day_after
from jitney.client.audit.trail_silence import GAPS, gap_records
from jitney.client.policy.further_needs import may_need
from jitney.client.problems import GrantEnded, Invalid
from jitney.core.actions import ActionTable
from jitney.core.integrity.answer_integrity import AnswerIntegrity, IntegrityState, unchecked
from jitney.core.outliving import GrantEffect
from jitney.core.report.builder import build_report
from jitney.core.report.grant_report import GrantReport
from jitney.core.report.json_document import report_document
from jitney.core.report.published_gaps import published_gaps
from jitney.core.report.rows import ReportRow, Section, Tone
from jitney.core.report.suggestion import Suggestion, suggest
from jitney.core.report.usage import outliving_effects
from jitney.core.report.wording import sections, state_row
from jitney.core.review.safe_text import escape_invisible
from jitney.core.times import format_time, iso
from jitney.core.trail.gaps import TrailGap
from jitney.core.trail.heartbeat import BROKER
from jitney.resources import ACTIONS

DAYS = 90
"""How far back reports look by default."""
AT_ONCE = 8
"""How many queries run in parallel. Athena's default quota is 20 for an account."""
# Lists are cast to JSON, because Athena prints arrays without quoting their members. Refused votes, and other refusals
# that name the grant in their detail, are in chains of their own.
RECORDS = """
SELECT dt, chain, seq, hash, prev, time, event, outcome, code, grant_id, principal, issuer, subject, unit, human,
       target, account, duration_seconds, expires_at, reason, ticket, source_ip, policy_version, configuration, detail,
       "count", CAST(policies AS JSON) AS policies, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources
FROM records
WHERE ? IN (grant_id, CASE WHEN outcome = 'refused' THEN json_extract_scalar(detail, '$.grant') END) AND dt >= ?
"""
CALLS = """
SELECT dt, event_id, time, region, role_arn, service, operation, error_code, verdict, purpose, call_id, grant_id,
       CASE WHEN service = 'sts' THEN request END AS request,
       CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources, CAST(created AS JSON) AS created,
       CAST(deleted AS JSON) AS deleted, CAST(reasons AS JSON) AS reasons
FROM calls
WHERE grant_id = ? AND dt >= ?
"""
Rows: TypeAlias = Sequence[Mapping[str, Any]]
IntegrityCheck: TypeAlias = Callable[[date], AnswerIntegrity]
"""Returns the integrity of the records and calls published from a first day until today."""
__all__ = ["DAYS", "checked_grant_ids", "reports", "show", "write_html"]


@dataclass(frozen=True, slots=True)
class ReportSource:
    """The source of a report: when and from which database it was built, and the first day that it covers."""

    at: int
    database: str
    since: date

    @property
    def line(self) -> str:
        """Return the source as one line of text."""
        where = f"from Athena database {escape_invisible(self.database)}, records since {self.since}"
        return f"Built {format_time(self.at)} {where}"

    def document(self) -> dict[str, Any]:
        """Return the source as JSON."""
        return {"at": iso(self.at), "database": self.database, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """A report with its least-privilege suggestion, what outlives the grant, its source, and the source's integrity."""

    report: GrantReport
    suggestion: Suggestion
    outliving: tuple[GrantEffect, ...]
    source: ReportSource
    integrity: AnswerIntegrity

    @property
    def heading(self) -> ReportRow:
        """The grant's state."""
        return state_row(self.report)

    @property
    def integrity_rows(self) -> tuple[ReportRow, ...]:
        """The state of the grant's records, and what was checked."""
        found = self.integrity
        state = found.of_grant(self.report.grant_id) or found.state
        named = "not yet sealed" if state == IntegrityState.NOT_YET else state
        words = [escape_invisible(each) for each in found.sentences]
        tone = Tone.BAD if found.exit_code else Tone.PLAIN
        return (ReportRow("", f"Records: {named}. {' '.join(words)}", tone),)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The report's sections."""
        return sections(self.report, self.suggestion, self.outliving)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return report_document(self.report, self.suggestion, self.outliving) | {
            "source": self.source.document(),
            "integrity": {
                "records_of_grant": self.integrity.of_grant(self.report.grant_id),
                **self.integrity.document(),
            },
        }


def checked_grant_ids(grant_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids without duplicates. Raises Invalid for a malformed id."""
    for each in grant_ids:
        if not GRANT_ID.fullmatch(each):
            fix = "Take the id from `jitney grants list` or a record: g- and 14 letters or digits."
            raise Invalid("grant_id_invalid", "The command line is not valid", f"{each[:60]!r} is not a grant id.", fix)
    return tuple(dict.fromkeys(grant_ids))


def write_html(reports: Sequence[PrintedReport], file: Path) -> None:
    """Write the reports as an HTML page. Raises Invalid if the file cannot be written."""
    try:
        file.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        fix = "Name a file that you can write."
        raise Invalid("file_not_written", "The page was not written", f"{file}: {error.strerror}.", fix) from error


def reports(
    athena: Athena, grant_ids: Sequence[str], since: date, now: int, check: IntegrityCheck | None = None
) -> list[PrintedReport]:
    """Return the report of each grant from the lines published since the day `since`.

    `check` checks all days from the first line about a grant, or about a gap of its target, because its last lines may
    have been removed. Raises GrantEnded for a grant without records, and what `Athena.run` raises.
    """
    source = ReportSource(now, athena.database, since)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:

        def answers(sql: str) -> list[Any]:
            return [pool.submit(athena.run, sql, (each, since.isoformat())) for each in grant_ids]

        silent = pool.submit(athena.run, GAPS, (day_after(since, -GAPS_BEFORE_DAYS).isoformat(),))
        results = [[answer.result().records() for answer in found] for found in (answers(RECORDS), answers(CALLS))]
        gap_rows = silent.result().records()
    of_gaps = list(gap_records(gap_rows))
    targets = {BROKER, *(str(row.get("target", "")) for rows in results[0] for row in rows)}
    own_gaps = [row for row, each in of_gaps if each.target in targets]
    days = {str(row.pop("dt", "")) for rows in (*results[0], *results[1], own_gaps) for row in rows} - {""}
    integrity = unchecked("--no-check was given.")
    if check and days:
        integrity = check(date.fromisoformat(min(days)))
    gaps = published_gaps(each for _, each in of_gaps)
    found = zip(grant_ids, *results, strict=True)
    built = [_report(each, records, calls, gaps, source, integrity) for each, records, calls in found]
    for grant_id, report in zip(grant_ids, built, strict=True):
        if report is None:
            raise _unknown(grant_id, athena, since)
    return [each for each in built if each]


def _report(
    grant_id: str,
    records: Rows,
    calls: Rows,
    gaps: Sequence[TrailGap],
    source: ReportSource,
    integrity: AnswerIntegrity,
) -> PrintedReport | None:
    report = build_report(grant_id, map(_present, records), map(_present, calls), source.at, gaps=gaps)
    if report is None:
        return None
    actions = ActionTable.load(ACTIONS.read_bytes())
    suggestion = suggest(report, actions, may_need(), source.at)
    return PrintedReport(report, suggestion, outliving_effects(report, actions), source, integrity)


def _unknown(grant_id: str, athena: Athena, since: date) -> GrantEnded:
    close = KnownNames(athena, since).close_grants(grant_id)
    detail = f"Athena has no record of {grant_id} published since {since}."
    wait = "Records arrive within a minute: try again then, or include earlier days with --since."
    fix = f"Did you mean {' or '.join(close)}? {wait}" if close else wait
    return GrantEnded("grant_not_found", "The grant has no records", detail, fix, {"alternatives": close})


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row without its NULL members."""
    return {name: value for name, value in row.items() if value is not None}
