"""The workgroup's named queries, for `jitney audit query`. Importing this module imports boto3."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jitney.client.api.responses import GRANT_ID
from jitney.client.audit.access_history import LOOKED_BACK
from jitney.client.audit.athena import Athena, AthenaLocation, NamedQuery, QueryProgress, QueryResult
from jitney.client.audit.audit_names import ANY_RESOURCE, KnownNames, resource_arn
from jitney.client.audit.periods import first_day_read, period, within
from jitney.client.audit.stack_file import read_stack_file
from jitney.client.audit.trail_silence import reads_calls, silences
from jitney.client.inputs.setting_names import closest
from jitney.client.problems import Invalid

# A parameter, or a string or a comment, in which a question mark is no parameter.
_MARK = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|(?P<mark>\?)")
_PARAMETER = re.compile(r"-- (?P<name>[a-z_]{1,40}): (?P<description>.*)", re.ASCII)
_OWN_DAYS = re.compile("the last [0-9]+ days", re.ASCII)
_TITLE = "The query cannot run"


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a query."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class QueryRun:
    """The answer of a query for the days of `period`, its first and last day.

    If the query lists calls, `warnings` say when CloudTrail was silent on these days.
    """

    query: NamedQuery
    answer: QueryResult
    period: tuple[date, date] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The query's description, with the days queried."""
        if self.period is None:
            return self.query.description
        first, last = self.period
        text, count = _OWN_DAYS.subn(f"the days from {first} to {last}", self.query.description, 1)
        return text if count else f"{text} ({first} to {last})"

    @property
    def first_day_read(self) -> date | None:
        """The first day whose records or calls the query reads; None for all days."""
        return first_day_read(self.query.sql, self.period[0]) if self.period else None

    def document(self) -> dict[str, Any]:
        """Return the query and its answer as JSON."""
        return {
            "query": self.query.name,
            "description": self.query.description,
            "since": str(self.period[0]) if self.period else None,
            "until": str(self.period[1]) if self.period else None,
            "columns": list(self.answer.columns),
            "rows": self.answer.records(),
            "warnings": list(self.warnings),
            "bytes_read": self.answer.bytes_read,
            "seconds": self.answer.seconds,
        }


def athena_location(workgroup: str, database: str, stack: Path | None) -> AthenaLocation:
    """Return the named location, or the one in the `stack` file, or Jitney's default. Raises Invalid."""
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
    """Return the query's parameters in order, as its comments describe them. Other parameters get numbers."""
    count = sum(1 for found in _MARK.finditer(sql) if found["mark"])
    described = [QueryParameter(found["name"], found["description"]) for found in _described(sql)][:count]
    return (*described, *(QueryParameter(f"parameter {number}", "") for number in range(len(described) + 1, count + 1)))


def _described(sql: str) -> Iterator[re.Match[str]]:
    for line in sql.splitlines()[1:]:
        if not (found := _PARAMETER.fullmatch(line)):
            return
        yield found


def listed(queries: Sequence[NamedQuery]) -> dict[str, Any]:
    """Return the queries as JSON."""
    return {
        "queries": [
            {
                "name": each.name,
                "description": each.description,
                "parameters": [{"name": one.name, "description": one.description} for one in parameters_of(each.sql)],
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
    progress: QueryProgress,
) -> QueryRun:
    """Return the named query's answer for `days` (first and last). Raises Invalid or Unavailable."""
    query = _named(athena.named(), name)
    wanted = parameters_of(query.sql)
    if len(values) != len(wanted):
        raise _wrong_count(name, wanted, len(values))
    for each, value in zip(wanted, values, strict=True):
        if each.name == "grant" and not GRANT_ID.fullmatch(value):
            detail = f"{value[:60]!r} is not a grant id."
            raise Invalid(
                "grant_id_invalid", _TITLE, detail, "Give g- and 14 letters or digits, as `jitney grants list` shows."
            )
    try:
        sql = within(query.sql, *days, today)
    except ValueError as error:
        fix = "Omit --since and --until, or give an earlier --since."
        raise Invalid("period_invalid", _TITLE, f"{name}: {error}.", fix) from error
    days_of_query = period(query.sql, *days, today)
    given, listed = _as_recorded(wanted, values, athena.partition), days_of_query if reads_calls(query.sql) else None
    # An interrupt stops the query, and then waits for the short one about silences.
    with ThreadPoolExecutor(1) as pool:
        silent = pool.submit(silences, athena, *listed) if listed else None
        answer = athena.run(sql, given, progress)
        if _names_nothing(answer):
            known = _known(athena, wanted, given, days_of_query or (today, today))
            answer = answer if known == given else athena.run(sql, known, progress)
    return QueryRun(query, answer, days_of_query, silent.result() if silent else ())


def _names_nothing(answer: QueryResult) -> bool:
    """Return whether the answer has no rows, or only rows for "*", which matches every name."""
    return all(row.get("resource") == ANY_RESOURCE for row in answer.records())


def _as_recorded(wanted: Sequence[QueryParameter], values: Sequence[str], partition: str) -> list[str]:
    pairs = zip(wanted, values, strict=True)
    return [resource_arn(value, partition) if each.name == "arn" else value for each, value in pairs]


def _known(
    athena: Athena, wanted: Sequence[QueryParameter], values: Sequence[str], days: tuple[date, date]
) -> list[str]:
    """Return the values by their names in records. Raises Invalid for a name that no record has."""
    names = KnownNames(athena, min(days[0], days[1] - LOOKED_BACK))
    kinds = {
        "grant": names.grant,
        "human": names.human,
        "person": names.person,
        "arn": names.resource,
    }
    return [
        kinds[each.name](value) if each.name in kinds else value for each, value in zip(wanted, values, strict=True)
    ]


def _named(queries: Sequence[NamedQuery], name: str) -> NamedQuery:
    found = next((each for each in queries if each.name == name), None)
    if found:
        return found
    names = [each.name for each in queries]
    close = closest(name, names)
    listed = "" if close else f" Existing queries: {', '.join(names) or 'none'}."
    see = "`jitney audit query` says what each query shows."
    fix = f"Did you mean {close[0]}? {see}" if close else see
    raise Invalid("query_unknown", _TITLE, f"Query {name[:120]} does not exist.{listed}", fix, {"alternatives": close})


def _wrong_count(name: str, wanted: Sequence[QueryParameter], given: int) -> Invalid:
    if not wanted:
        return Invalid("usage", _TITLE, f"{name} has no parameters.", "Omit --param.")
    parameters = "; ".join(f"{each.name}, {each.description}" if each.description else each.name for each in wanted)
    detail = f"{name} needs {len(wanted)} parameter{'s' if len(wanted) > 1 else ''}, not {given}: {parameters}."
    values = " ".join(f"--param {each.name.replace(' ', '-').upper()}" for each in wanted)
    return Invalid("usage", _TITLE, detail, f"jitney audit query {name} {values}")
