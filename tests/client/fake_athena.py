"""A fake Athena with the form of real answers: pages, cells as text, and the column names in the first row."""

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


def refusal(code: str, message: str = "no", status: int = 400) -> ClientError:
    """Return what boto3 raises when AWS refuses."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


class FakeAthena:
    """Holds named queries, and the answer to any query: columns with their types, and rows of cells with None for NULL.

    A query goes through `states`. `refused` is raised by the operation of that name. BatchGetNamedQuery does not
    process the queries with the names `left_out`.
    """

    PAGE = 3

    def __init__(self) -> None:
        self.meta = SimpleNamespace(partition="aws")
        self.queries: list[dict[str, str]] = []
        self.columns: list[tuple[str, str]] = [("one", "integer")]
        self.rows: list[tuple[str | None, ...]] = [("1",)]
        self.states: list[dict[str, Any]] = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}]
        self.refused: dict[str, Exception] = {}
        self.left_out: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.pauses: list[float] = []

    def add(self, name: str, sql: str) -> None:
        """Add a named query. Its description is the first line of its SQL."""
        question = sql.splitlines()[0].removeprefix("--").strip()
        self.queries.append({"NamedQueryId": name, "Name": name, "Description": question, "QueryString": sql})

    def pause(self, seconds: float) -> None:
        """Wait for nothing. Raise what interrupts the wait."""
        self._raise("pause")
        self.pauses.append(seconds)

    def get_paginator(self, operation: str) -> Any:
        """Return an object whose `paginate` yields the operation's pages."""
        return type("Paginator", (), {"paginate": staticmethod(getattr(self, f"_pages_of_{operation}"))})

    def batch_get_named_query(self, *, NamedQueryIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self._raise("batch_get_named_query")
        assert 0 < len(NamedQueryIds) <= 50
        asked = [each for each in self.queries if each["NamedQueryId"] in NamedQueryIds]
        left = [each["NamedQueryId"] for each in asked if each["Name"] in self.left_out]
        failed = [{"NamedQueryId": each, "ErrorCode": "INTERNAL_FAILURE", "ErrorMessage": "no"} for each in left]
        found = [each for each in asked if each["NamedQueryId"] not in left]
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": failed}

    def start_query_execution(self, **asked: Any) -> dict[str, str]:
        self._raise("start_query_execution")
        self.asked.append(asked)
        self._left = copy.copy(self.states)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        self._raise("get_query_execution")
        status = self._left.pop(0)
        took = {"DataScannedInBytes": 2048, "TotalExecutionTimeInMillis": 1500}
        return {"QueryExecution": {"QueryExecutionId": QueryExecutionId, "Status": status, "Statistics": took}}

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:  # noqa: N803
        self.stopped.append(QueryExecutionId)

    def _pages_of_list_named_queries(self, **_: str) -> Iterator[dict[str, Any]]:
        self._raise("list_named_queries")
        for start in range(0, len(self.queries), self.PAGE):
            lot = self.queries[start : start + self.PAGE]
            yield {"NamedQueryIds": [each["NamedQueryId"] for each in lot]}

    def _pages_of_get_query_results(self, **_: str) -> Iterator[dict[str, Any]]:
        self._raise("get_query_results")
        header = tuple(name for name, _ in self.columns)
        rows = [[{} if cell is None else {"VarCharValue": cell} for cell in row] for row in (header, *self.rows)]
        types = [{"Name": name, "Type": kind} for name, kind in self.columns]
        for start in range(0, len(rows), self.PAGE):
            lot = [{"Data": row} for row in rows[start : start + self.PAGE]]
            yield {"ResultSet": {"Rows": lot, "ResultSetMetadata": {"ColumnInfo": types}}}

    def _raise(self, operation: str) -> None:
        if operation in self.refused:
            raise self.refused[operation]
