"""`jitney audit show`: a grant's story out of Athena. Needs the extra `audit`."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from jitney.client.athena import Athena
from jitney.client.athena import connected as connected_at
from jitney.client.grant_report_output import page, show, waiting
from jitney.client.named_queries import GRANT_ID, athena_location
from jitney.client.problems import GrantEnded, Invalid
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.masking.table import MaskTable
from jitney.core.report.builder import build_report
from jitney.core.report.cloudtrail_coverage import implicit_actions
from jitney.core.report.grant_report import GrantReport
from jitney.core.report.json_document import report_document
from jitney.core.report.rows import ReportRow, Section
from jitney.core.report.suggestion import Suggestion, suggest
from jitney.core.report.wording import sections, state_row
from jitney.core.review.safe_text import escape_invisible
from jitney.core.times import iso
from jitney.resources import ACTIONS, MASKS, OPERATIONS

DAYS = 90
"""How far back is asked for, unless it is said."""
AT_ONCE = 8
"""Queries: Athena runs 20 of an account at a time, unless a quota says otherwise."""
# Lists are cast to JSON, for an array's text does not tell where its members end.
RECORDS = """
SELECT chain, seq, hash, prev, time, event, outcome, code, grant_id, principal, issuer, subject, human, target, account,
       duration_seconds, expires_at, reason, ticket, source_ip, policy_version, detail,
       CAST(policies AS JSON) AS policies, CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources
FROM records
WHERE grant_id = ? AND dt >= ?
"""
CALLS = """
SELECT event_id, time, region, role_arn, session, service, operation, read_only, error_code, source_ip, via, verdict,
       purpose, grant_id, CASE WHEN service = 'sts' THEN request END AS request, CAST(actions AS JSON) AS actions,
       CAST(resources AS JSON) AS resources, CAST(made AS JSON) AS made,
       CAST(taken AS JSON) AS taken, CAST(reasons AS JSON) AS reasons
FROM calls
WHERE grant_id = ? AND dt >= ?
"""
Rows: TypeAlias = Sequence[Mapping[str, Any]]
_TITLE = "There is no story to tell"
__all__ = ["DAYS", "checked_grant_ids", "connected", "reports", "show", "waiting", "write_html"]


@dataclass(frozen=True, slots=True)
class ReportSource:
    """When a story was told, out of which database, and the first day of publishing that was asked for."""

    at: int
    database: str
    since: date

    @property
    def line(self) -> str:
        """All of it in words."""
        told = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"Told {told} from Athena database {escape_invisible(self.database)}, records since {self.since}"

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"at": iso(self.at), "database": self.database, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """A story with what would have done, and what it was told from."""

    story: GrantReport
    suggestion: Suggestion
    source: ReportSource

    @property
    def heading(self) -> ReportRow:
        """How the grant stands."""
        return state_row(self.story)

    @property
    def sections(self) -> tuple[Section, ...]:
        """All of it in words."""
        return sections(self.story, self.suggestion)

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        return report_document(self.story, self.suggestion) | {"source": self.source.document()}


def checked_grant_ids(grant_ids: Sequence[str]) -> tuple[str, ...]:
    """The ids, each once, if they can be grants'. Raises Invalid."""
    for each in grant_ids:
        if not GRANT_ID.fullmatch(each):
            fix = "Copy it whole: g- and 14 letters or digits. `jitney grants list` and the records have it."
            raise Invalid("grant_id_invalid", "The command line is not valid", f"{each[:60]!r} is no grant's id.", fix)
    return tuple(dict.fromkeys(grant_ids))


def connected(workgroup: str, database: str, stack: Path | None) -> Athena:
    """Athena there (`place_of`), with the AWS credentials of the environment. Raises Invalid."""
    return connected_at(athena_location(workgroup, database, stack))


def write_html(reports: Sequence[PrintedReport], file: Path) -> None:
    """Write the reports as a page. Raises Invalid when that cannot be."""
    try:
        file.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        fix = "Name a file that can be written."
        raise Invalid("file_not_written", "The page was not written", f"{file}: {error.strerror}.", fix) from error


def reports(athena: Athena, grant_ids: Sequence[str], since: date, now: int) -> list[PrintedReport]:
    """The report of each grant, of what was published since that day.

    Raises Ended where nothing was, or as `Athena.run` does.
    """
    source = ReportSource(now, athena.database, since)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:

        def answers(sql: str) -> list[Any]:
            return [pool.submit(athena.run, sql, (each, since.isoformat())) for each in grant_ids]

        asked = [(answer.result().records() for answer in found) for found in (answers(RECORDS), answers(CALLS))]
        found = zip(grant_ids, *asked, strict=True)
        return [_report(each, records, calls, source) for each, records, calls in found]


def _report(grant_id: str, records: Rows, calls: Rows, source: ReportSource) -> PrintedReport:
    story = build_report(grant_id, map(_present, records), map(_present, calls), source.at)
    if story is None:
        detail = f"Athena has no record of {grant_id} that was published on {source.since} or later."
        fix = "Records arrive a minute after they are written: try again then, or ask for earlier days with --since."
        raise GrantEnded("grant_not_found", _TITLE, detail, fix)
    return PrintedReport(story, suggest(story, _actions(), _may_need(), source.at), source)


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what is NULL in it."""
    return {name: value for name, value in row.items() if value is not None}


def _actions() -> ActionTable:
    return ActionTable.load(ACTIONS.read_bytes())


def _may_need() -> Any:
    operations = OperationTable.load(OPERATIONS.read_bytes())
    masks = MaskTable.load(MASKS.read_bytes())
    return implicit_actions(operations, masks.operations_of_event)
