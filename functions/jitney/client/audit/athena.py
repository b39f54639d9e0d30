"""Runs SQL in Athena and returns typed rows. Importing this module imports boto3."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from botocore.exceptions import ClientError

from jitney.audit_database.definitions import DATABASE, WORKGROUP
from jitney.client.audit.aws import aws_clients, busy, explaining, fix_of
from jitney.client.problems import ClientProblem, Invalid

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
_TITLE = "The query failed"
MOST_PARAMETER = 1024
"""The longest parameter (Athena API Reference, StartQueryExecution, ExecutionParameters). A key of S3 can be longer."""
_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("float", "real", "double"), float),
    "boolean": lambda text: text == "true",
    "json": json.loads,
}
"""Converts a cell's text by its Athena type. Other types stay text."""

Value: TypeAlias = Any
QueryProgress: TypeAlias = Callable[[str, float, int], None]
"""Called with a query's state, its running time in seconds and the bytes it has read."""


@dataclass(frozen=True, slots=True)
class AthenaLocation:
    """Where queries run. The workgroup sets the place of results and the limit of bytes that are read."""

    workgroup: str = WORKGROUP
    database: str = DATABASE


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query's answer: column names, rows and cost.

    Numbers, booleans, NULL and JSON become Python values. Everything else is text. Queries cast lists to JSON, because
    Athena prints the members of an array without quotes.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    bytes_read: int
    seconds: float

    def records(self) -> list[dict[str, Value]]:
        """Return the rows as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A named query: its name, its description and its SQL."""

    name: str
    description: str
    sql: str


def connected(location: AthenaLocation | None = None) -> "Athena":
    """Return Athena with the environment's AWS credentials. Raises Invalid if there are none."""
    (client,) = aws_clients(_TITLE, "athena")
    return Athena(client, location or AthenaLocation())


class Athena:
    """Runs queries at a location; `pause` waits for some seconds."""

    def __init__(self, client: Any, location: AthenaLocation, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._location, self._pause = client, location, pause

    @property
    def database(self) -> str:
        """The name of the queried database."""
        return self._location.database

    @property
    def partition(self) -> str:
        """The partition of the queried Region, which is also that of the recorded ARNs."""
        return str(self._client.meta.partition)

    def named(self) -> tuple[NamedQuery, ...]:
        """Return the workgroup's named queries by name. Raises Invalid if they cannot be listed."""
        with self._explained("list the workgroup's queries"):
            found = named_queries(self._client, self._location.workgroup)
        queries = (NamedQuery(each["Name"], each.get("Description", ""), each["QueryString"]) for each in found)
        return tuple(sorted(queries, key=lambda each: each.name))

    def run(self, sql: str, parameters: Sequence[str] = (), progress: QueryProgress = lambda *_: None) -> QueryResult:
        """Return all rows of `sql`. `parameters` are texts for its question marks.

        An interrupt stops the query, too. Raises Invalid or Unavailable.
        """
        with self._explained("run a query"):
            execution_parameters = {"ExecutionParameters": [*map(_parameter, parameters)]} if parameters else {}
            query = self._client.start_query_execution(
                QueryString=sql,
                WorkGroup=self._location.workgroup,
                QueryExecutionContext={"Database": self._location.database},
                **execution_parameters,
            )["QueryExecutionId"]
            execution = self._ended(query, progress)
            if execution["Status"]["State"] != "SUCCEEDED":
                raise _failed(execution["Status"])
            columns, rows = self._result(query)
        took = execution.get("Statistics", {})
        milliseconds = took.get("TotalExecutionTimeInMillis", 0)
        return QueryResult(columns, rows, took.get("DataScannedInBytes", 0), milliseconds / 1000)

    def _explained(self, what: str) -> AbstractContextManager[None]:
        """Raise AWS errors in the block as problems with a fix."""
        return explaining(_TITLE, lambda error: _refused(error, what, self._location))

    def _ended(self, query: str, progress: QueryProgress) -> Mapping[str, Any]:
        """Wait until the query has ended. Return its execution."""
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        try:
            while True:
                execution: Mapping[str, Any] = self._client.get_query_execution(QueryExecutionId=query)
                execution = execution["QueryExecution"]
                state = execution["Status"]["State"]
                if state not in ("QUEUED", "RUNNING"):
                    return execution
                read = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
                progress(state.lower(), time.monotonic() - began, read)
                self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        except KeyboardInterrupt:
            self._client.stop_query_execution(QueryExecutionId=query)
            raise

    def _result(self, query: str) -> tuple[tuple[str, ...], tuple[tuple[Value, ...], ...]]:
        """Return the column names and the rows of all pages. The first row has the names."""
        names: tuple[str, ...] = ()
        rows: list[tuple[Value, ...]] = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query):
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            fresh = page["ResultSet"]["Rows"] if names else page["ResultSet"]["Rows"][1:]
            names = tuple(each["Name"] for each in columns)
            rows += [tuple(_values(columns, row["Data"])) for row in fresh]
        return names, tuple(rows)


def named_queries(client: Any, workgroup: str) -> list[Any]:
    """Return a workgroup's named queries as Athena describes them, with the `client` of Athena.

    Raises ClientError if Athena leaves one out. Otherwise it would count as missing.
    """
    pages = client.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    ids = [each for page in pages for each in page["NamedQueryIds"]]
    lots = [ids[start : start + 50] for start in range(0, len(ids), 50)]  # BatchGetNamedQuery takes 50
    answers = [client.batch_get_named_query(NamedQueryIds=lot) for lot in lots]
    left_out = next(chain.from_iterable(answer.get("UnprocessedNamedQueryIds", ()) for answer in answers), None)
    if left_out is not None:
        error: Any = {"Code": left_out.get("ErrorCode", ""), "Message": left_out.get("ErrorMessage", "")}
        raise ClientError({"Error": error}, "BatchGetNamedQuery")
    return [each for answer in answers for each in answer["NamedQueries"]]


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _parameter(text: str) -> str:
    """Return the text as a parameter of a query. Raises Invalid if it is too long: Athena names no reason."""
    given = literal(text)
    if len(given) > MOST_PARAMETER:
        detail = f"The value {text[:60]!r} and so on is too long: Athena takes {MOST_PARAMETER} characters."
        raise Invalid("parameter_too_long", _TITLE, detail, "Give a shorter one, such as a folder of the object's key.")
    return given


def _values(columns: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, str]]) -> Iterator[Value]:
    for column, cell in zip(columns, cells, strict=True):
        text = cell.get("VarCharValue")
        yield None if text is None else _READ.get(column["Type"], str)(text)


def _refused(error: ClientError, what: str, location: AthenaLocation) -> ClientProblem:
    code, message = (str(error.response["Error"].get(name, "")) for name in ("Code", "Message"))
    detail = f"AWS answered {code} when asked to {what} in workgroup {location.workgroup}: {message}"
    if "AccessDenied" in code or "UnrecognizedClient" in code:
        return Invalid("query_not_permitted", _TITLE, detail, fix_of(code, _PERMISSIONS))
    return Invalid("query_refused", _TITLE, detail, fix_of(code, _NAMES))


_NAMES = "Check the workgroup, the database, the Region and the account."
_PERMISSIONS = "docs/queries.md lists the permissions."
_FEWER = "Query fewer days, with --since and --until."
_VERSIONS = (
    "Install the version of jitney that the stack runs, or deploy yours. If they are equal, check the permissions."
)
# Athena has no error codes for these, only text in the query's status. A missing column or table, as of a stack of
# another version, also says "or requester is not authorized".
_REASONS: tuple[tuple[str, str, str], ...] = (
    ("bytes scanned limit was exceeded", "query_too_large", _FEWER),
    ("query exhausted resources", "query_too_large", _FEWER),
    ("column_not_found", "query_outdated", _VERSIONS),
    ("table_not_found", "query_outdated", _VERSIONS),
    ("access denied", "query_not_permitted", _PERMISSIONS),
    ("permission denied", "query_not_permitted", _PERMISSIONS),
    ("not authorized", "query_not_permitted", _PERMISSIONS),
    ("insufficient permissions", "query_not_permitted", _PERMISSIONS),
    ("cancelled by user", "query_stopped", "The query was cancelled. Run it again."),
)


def _failed(status: Mapping[str, Any]) -> ClientProblem:
    """Return the problem of a failed query.

    A failure that passes is, for example, S3's SlowDown. Athena says so, and does not repeat the query itself.
    https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
    """
    reason = str(status.get("StateChangeReason") or status["State"])
    found = next(((code, fix) for words, code, fix in _REASONS if words in reason.lower()), None)
    if found is None and status.get("AthenaError", {}).get("Retryable"):
        return busy(_TITLE, reason)
    code, fix = found or ("query_failed", "Correct the query, or deploy the stack that has its tables.")
    return Invalid(code, _TITLE, reason, fix)
