"""`jitney audit show`: a grant's story out of Athena. Needs the extra `audit`."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jitney.client.asking_athena import GRANT_ID, place_of
from jitney.client.athena import Athena
from jitney.client.athena import connected as connected_at
from jitney.client.problems import Ended, Invalid
from jitney.client.story_screen import page, show, waiting
from jitney.core.actions import Actions
from jitney.core.calls.table import Operations
from jitney.core.masking.table import Masks
from jitney.core.review.inert import inert
from jitney.core.story.document import document
from jitney.core.story.rows import Row, Section
from jitney.core.story.sight import may_need
from jitney.core.story.story import Story
from jitney.core.story.suggestion import Suggestion, suggest
from jitney.core.story.telling import tell
from jitney.core.story.wording import sections, state
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
type Rows = Sequence[Mapping[str, Any]]
_TITLE = "There is no story to tell"
__all__ = ["DAYS", "checked", "connected", "keep", "reports", "show", "waiting"]


@dataclass(frozen=True, slots=True)
class Source:
    """When a story was told, out of which database, and the first day of publishing that was asked for."""

    at: int
    database: str
    since: date

    @property
    def line(self) -> str:
        """All of it in words."""
        told = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"Told {told} from Athena database {inert(self.database)}, records since {self.since}"

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"at": iso(self.at), "database": self.database, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class Report:
    """A story with what would have done, and what it was told from."""

    story: Story
    suggestion: Suggestion
    source: Source

    @property
    def heading(self) -> Row:
        """How the grant stands."""
        return state(self.story)

    @property
    def sections(self) -> tuple[Section, ...]:
        """All of it in words."""
        return sections(self.story, self.suggestion)

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        return document(self.story, self.suggestion) | {"source": self.source.document()}


def checked(grant_ids: Sequence[str]) -> tuple[str, ...]:
    """The ids, each once, if they can be grants'. Raises Invalid."""
    for each in grant_ids:
        if not GRANT_ID.fullmatch(each):
            fix = "Copy it whole: g- and 14 letters or digits. `jitney grants list` and the records have it."
            raise Invalid("grant_id_invalid", "The command line is not valid", f"{each[:60]!r} is no grant's id.", fix)
    return tuple(dict.fromkeys(grant_ids))


def connected(workgroup: str, database: str, stack: Path | None) -> Athena:
    """Athena there (`place_of`), with the AWS credentials of the environment. Raises Invalid."""
    return connected_at(place_of(workgroup, database, stack))


def keep(reports: Sequence[Report], file: Path) -> None:
    """Write the reports as a page. Raises Invalid when that cannot be."""
    try:
        file.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        fix = "Name a file that can be written."
        raise Invalid("file_unusable", "The page was not written", f"{file}: {error.strerror}.", fix) from error


def reports(athena: Athena, grant_ids: Sequence[str], since: date, now: int) -> list[Report]:
    """The report of each grant, of what was published since that day.

    Raises Ended where nothing was, or as `Athena.run` does.
    """
    source = Source(now, athena.database, since)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:

        def answers(sql: str) -> list[Any]:
            return [pool.submit(athena.run, sql, (each, since.isoformat())) for each in grant_ids]

        asked = [(answer.result().records() for answer in found) for found in (answers(RECORDS), answers(CALLS))]
        found = zip(grant_ids, *asked, strict=True)
        return [_report(each, records, calls, source) for each, records, calls in found]


def _report(grant_id: str, records: Rows, calls: Rows, source: Source) -> Report:
    story = tell(grant_id, map(_present, records), map(_present, calls), source.at)
    if story is None:
        detail = f"Athena has no record of {grant_id} that was published on {source.since} or later."
        fix = "Records arrive a minute after they are written: try again then, or ask for earlier days with --since."
        raise Ended("grant_not_found", _TITLE, detail, fix)
    return Report(story, suggest(story, _actions(), _may_need(), source.at), source)


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what is NULL in it."""
    return {name: value for name, value in row.items() if value is not None}


def _actions() -> Actions:
    return Actions.load(ACTIONS.read_bytes())


def _may_need() -> Any:
    operations = Operations.load(OPERATIONS.read_bytes())
    masks = Masks.load(MASKS.read_bytes())
    return may_need(operations, masks.named_by_event)
