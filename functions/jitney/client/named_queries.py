"""`jitney audit query`: the workgroup's named queries, their parameters and days. Importing it takes boto3."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jitney.client.athena import Athena, AthenaLocation, NamedQuery, QueryProgress, QueryResult
from jitney.client.periods import period, within
from jitney.client.problems import Invalid
from jitney.client.stack_file import read_stack_file

# What may hold a question mark that is none, or one that is.
_MARK = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|(?P<mark>\?)")
_PARAMETER = re.compile(r"-- (?P<name>[a-z_]{1,40}): (?P<what>.*)", re.ASCII)
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)
_OWN_DAYS = re.compile("the last [0-9]+ days", re.ASCII)
_TITLE = "The query cannot be asked"


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """What the query wants to know before it can answer."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class QueryRun:
    """A question about the days of `period`, the first and the last, with its answer."""

    query: NamedQuery
    answer: QueryResult
    period: tuple[date, date] | None = None

    @property
    def about(self) -> str:
        """The question, of the days that it was asked about."""
        if self.period is None:
            return self.query.question
        first, last = self.period
        said, count = _OWN_DAYS.subn(f"the days from {first} to {last}", self.query.question, 1)
        return said if count else f"{said} ({first} to {last})"

    def document(self) -> dict[str, Any]:
        """Both as JSON."""
        return {
            "query": self.query.name,
            "question": self.query.question,
            "since": str(self.period[0]) if self.period else None,
            "until": str(self.period[1]) if self.period else None,
            "columns": list(self.answer.columns),
            "rows": self.answer.records(),
            "bytes_read": self.answer.bytes_read,
            "seconds": self.answer.seconds,
        }


def athena_location(workgroup: str, database: str, stack: Path | None) -> AthenaLocation:
    """Where to ask: as it is named, else as `stack` says, else by Jitney's own names. Raises Invalid."""
    default = AthenaLocation()
    if stack:
        with read_stack_file(stack, "workgroup") as known:
            local = known.local.get("athena") or {}
            default = AthenaLocation(
                local.get("workgroup") or known.outputs["AthenaWorkgroup"],
                local.get("database") or known.outputs["GlueDatabase"],
            )
    return AthenaLocation(workgroup or default.workgroup, database or default.database)


def parameters_of(sql: str) -> tuple[QueryParameter, ...]:
    """The query's parameters in their order, as the lines after its first say; those of which none says, by number."""
    count = sum(1 for found in _MARK.finditer(sql) if found["mark"])
    told = [QueryParameter(found["name"], found["what"]) for found in _described(sql)][:count]
    return (*told, *(QueryParameter(f"parameter {number}", "") for number in range(len(told) + 1, count + 1)))


def _described(sql: str) -> Iterator[re.Match[str]]:
    for line in sql.splitlines()[1:]:
        if not (found := _PARAMETER.fullmatch(line)):
            return
        yield found


def listed(queries: Sequence[NamedQuery]) -> dict[str, Any]:
    """The queries as JSON."""
    return {
        "queries": [
            {
                "name": each.name,
                "question": each.question,
                "parameters": [{"name": one.name, "what": one.what} for one in parameters_of(each.sql)],
            }
            for each in queries
        ]
    }


def run_named_query(
    athena: Athena,
    name: str,
    values: Sequence[str],
    days: tuple[date | None, date | None],
    today: date,
    told: QueryProgress,
) -> QueryRun:
    """What the named query answers about `days`, the first and the last. Raises Invalid or Unavailable."""
    query = _named(athena.named(), name)
    wanted = parameters_of(query.sql)
    if len(values) != len(wanted):
        raise _wants(name, wanted, len(values))
    for each, value in zip(wanted, values, strict=True):
        if each.name == "grant" and not GRANT_ID.fullmatch(value):
            detail = f"{value[:60]!r} is no grant's id."
            raise Invalid("grant_id_invalid", _TITLE, detail, "Copy it whole: g- and 14 letters or digits.")
    try:
        sql = within(query.sql, *days, today)
    except ValueError as error:
        fix = "Leave --since and --until out, or give them in their order."
        raise Invalid("period_invalid", _TITLE, f"{name}: {error}.", fix) from error
    return QueryRun(query, athena.run(sql, values, told), period(query.sql, *days, today))


def _named(queries: Sequence[NamedQuery], name: str) -> NamedQuery:
    found = next((each for each in queries if each.name == name), None)
    if found:
        return found
    names = ", ".join(each.name for each in queries) or "none"
    fix = "`jitney audit query` lists them with their questions."
    raise Invalid("query_unknown", _TITLE, f"There is no query {name}. There are: {names}.", fix)


def _wants(name: str, wanted: Sequence[QueryParameter], given: int) -> Invalid:
    if not wanted:
        return Invalid("usage", _TITLE, f"{name} has no parameters.", "Leave --param out.")
    told = "; ".join(f"{each.name}, {each.what}" if each.what else each.name for each in wanted)
    detail = f"{name} wants {len(wanted)} parameter{'s' if len(wanted) > 1 else ''}, not {given}: {told}."
    values = " ".join(f"--param {each.name.replace(' ', '-').upper()}" for each in wanted)
    return Invalid("usage", _TITLE, detail, f"jitney audit query {name} {values}")
