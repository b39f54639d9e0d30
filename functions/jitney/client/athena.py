"""Athena, as an auditor asks it: one text of SQL in, typed rows out. Importing it takes boto3."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jitney.client.aws import unusable
from jitney.client.problems import ClientProblem, Invalid, Unavailable

NAME = "jitney"
"""The workgroup and the database that Jitney's stack makes."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
_TITLE = "The query did not answer"
_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("float", "real", "double"), float),
    "boolean": lambda text: text == "true",
    "json": json.loads,
}
"""How the text of a cell becomes a value, by Athena's type; of other types it stays text."""

Value: TypeAlias = Any
QueryProgress: TypeAlias = Callable[[str, float, int], None]
"""Told the query's state, since how many seconds it runs, and how many bytes it has read."""


@dataclass(frozen=True, slots=True)
class AthenaLocation:
    """Where queries run. The workgroup says where results go, and how much one may read."""

    workgroup: str = NAME
    database: str = NAME


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query came to: the columns' names, the rows, and what it took.

    Numbers, booleans and NULL are Python's; so is what the query casts to JSON, which is how it gives out lists: an
    array as such is text of which nobody can tell where its members end. Everything else is text.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    bytes_read: int
    seconds: float

    def records(self) -> list[dict[str, Value]]:
        """The rows by the columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A named query: its name, the question that it answers, and its SQL."""

    name: str
    question: str
    sql: str


def connected(place: AthenaLocation | None = None) -> "Athena":
    """Athena with the AWS credentials of the environment. Raises Invalid when there are no usable ones."""
    try:
        client = boto3.session.Session().client("athena", config=Config(retries={"mode": "standard"}))
    except BotoCoreError as error:  # such as a profile or a Region that is not there
        raise unusable(error, _TITLE) from error
    return Athena(client, place or AthenaLocation())


class Athena:
    """Runs queries in `place` with `client`, boto3's of Athena; `pause` waits for some seconds."""

    def __init__(self, client: Any, place: AthenaLocation, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._place, self._pause = client, place, pause

    @property
    def database(self) -> str:
        """The name of the database that is asked."""
        return self._place.database

    def named(self) -> tuple[NamedQuery, ...]:
        """The workgroup's named queries, sorted by name. Raises Invalid when they cannot be listed."""
        pages = self._client.get_paginator("list_named_queries").paginate(WorkGroup=self._place.workgroup)
        with _explain_errors("list the workgroup's queries", self._place):
            ids = [each for page in pages for each in page["NamedQueryIds"]]
            lots = [ids[start : start + 50] for start in range(0, len(ids), 50)]  # BatchGetNamedQuery takes 50
            found = [
                NamedQuery(each["Name"], each.get("Description", ""), each["QueryString"])
                for lot in lots
                for each in self._client.batch_get_named_query(NamedQueryIds=lot)["NamedQueries"]
            ]
        return tuple(sorted(found, key=lambda each: each.name))

    def run(self, sql: str, parameters: Sequence[str] = (), told: QueryProgress = lambda *_: None) -> QueryResult:
        """All rows that `sql` answers; `parameters` are texts in the place of its question marks.

        Who interrupts it stops the query, too. Raises Invalid or Unavailable, with what to do.
        """
        with _explain_errors("run a query", self._place):
            asked = {"ExecutionParameters": [literal(each) for each in parameters]} if parameters else {}
            query = self._client.start_query_execution(
                QueryString=sql,
                WorkGroup=self._place.workgroup,
                QueryExecutionContext={"Database": self._place.database},
                **asked,
            )["QueryExecutionId"]
            execution = self._ended(query, told)
            if execution["Status"]["State"] != "SUCCEEDED":
                raise _failed(execution["Status"])
            columns, rows = self._result(query)
        took = execution.get("Statistics", {})
        milliseconds = took.get("TotalExecutionTimeInMillis", 0)
        return QueryResult(columns, rows, took.get("DataScannedInBytes", 0), milliseconds / 1000)

    def _ended(self, query: str, told: QueryProgress) -> Mapping[str, Any]:
        """The query's execution once it has ended."""
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        try:
            while True:
                execution: Mapping[str, Any] = self._client.get_query_execution(QueryExecutionId=query)
                execution = execution["QueryExecution"]
                state = execution["Status"]["State"]
                if state not in ("QUEUED", "RUNNING"):
                    return execution
                read = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
                told(state.lower(), time.monotonic() - began, read)
                self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        except KeyboardInterrupt:
            self._client.stop_query_execution(QueryExecutionId=query)
            raise

    def _result(self, query: str) -> tuple[tuple[str, ...], tuple[tuple[Value, ...], ...]]:
        """The names of the columns, and the rows of every page; the first row of the first page has the names."""
        names: tuple[str, ...] = ()
        rows: list[tuple[Value, ...]] = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query):
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            fresh = page["ResultSet"]["Rows"] if names else page["ResultSet"]["Rows"][1:]
            names = tuple(each["Name"] for each in columns)
            rows += [tuple(_values(columns, row["Data"])) for row in fresh]
        return names, tuple(rows)


def literal(text: str) -> str:
    """The text as a string of SQL: whatever it holds, it ends where it ends."""
    return "'" + text.replace("'", "''") + "'"


def _values(columns: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, str]]) -> Iterator[Value]:
    for column, cell in zip(columns, cells, strict=True):
        text = cell.get("VarCharValue")
        yield None if text is None else _READ.get(column["Type"], str)(text)


@contextmanager
def _explain_errors(what: str, place: AthenaLocation) -> Generator[None]:
    """Turns what AWS refuses in the block into a problem that says what to do."""
    try:
        yield
    except ClientError as error:
        raise _refused(error, what, place) from error
    except BotoCoreError as error:
        raise unusable(error, _TITLE) from error


def _refused(error: ClientError, what: str, place: AthenaLocation) -> ClientProblem:
    code, message = (str(error.response["Error"].get(name, "")) for name in ("Code", "Message"))
    detail = f"AWS answers {code} to who wants to {what} in the workgroup {place.workgroup}: {message}"
    if "AccessDenied" in code or "UnrecognizedClient" in code:
        return Invalid("query_not_permitted", _TITLE, detail, _PERMISSIONS)
    if code in ("TooManyRequestsException", "ThrottlingException", "InternalServerException"):
        return Unavailable("athena_busy", _TITLE, detail, "Try again in a minute.")
    return Invalid("query_refused", _TITLE, detail, "Check the workgroup, the database, the Region and the account.")


_PERMISSIONS = "docs/auditor.md has the permissions that it takes."
_FEWER = "Ask for fewer days, with --since and --until."
# Athena has no codes for these, only words in the query's status.
_REASONS: tuple[tuple[str, str, str], ...] = (
    ("bytes scanned limit was exceeded", "query_too_large", _FEWER),
    ("query exhausted resources", "query_too_large", _FEWER),
    ("access denied", "query_not_permitted", _PERMISSIONS),
    ("permission denied", "query_not_permitted", _PERMISSIONS),
    ("not authorized", "query_not_permitted", _PERMISSIONS),
    ("insufficient permissions", "query_not_permitted", _PERMISSIONS),
    ("cancelled by user", "query_stopped", "Somebody stopped it: ask again."),
)


def _failed(status: Mapping[str, Any]) -> ClientProblem:
    """The problem of a query that ended without an answer."""
    said = str(status.get("StateChangeReason") or status["State"])
    found = ((code, fix) for words, code, fix in _REASONS if words in said.lower())
    code, fix = next(found, ("query_failed", "Mend the query, or deploy the stack whose tables it asks."))
    return Invalid(code, _TITLE, said, fix)
