"""Athena: what the auditor's queries need of it."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ministack.core import iam_actions
from ministack.services import athena, glue

from local import engine

# What may hold a question mark that is none, or one that is.
_PARAMETER = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|(?P<parameter>\?)")


def execution_parameters() -> None:
    """Athena puts the values of ExecutionParameters in the place of the query's question marks, in their order.

    https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html
    """
    start = athena._start_query_execution

    def with_parameters(data: dict[str, Any]) -> Any:
        values = iter(data.get("ExecutionParameters") or ())
        return start({**data, "QueryString": _filled(data.get("QueryString", ""), values)})

    athena._start_query_execution = with_parameters


def workgroups_of_queries() -> None:
    """Who may see a named query or an execution is who may in its workgroup.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
    """
    arn_of = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> Any:
        if service == "athena" and (workgroup := _workgroup(json.loads(body or b"{}"))):
            region, account = more[-2:]
            return f"arn:aws:athena:{region}:{account}:workgroup/{workgroup}"
        return arn_of(service, method, path, headers, body, *more)

    iam_actions.extract_resource_arn = extract_resource_arn


def _workgroup(asked: Mapping[str, Any]) -> str:
    """The workgroup of what is named by an id, "" where nothing is; of several queries, that of the first."""
    ids = [asked.get("NamedQueryId"), *asked.get("NamedQueryIds", ())]
    known = [athena._executions.get(asked.get("QueryExecutionId")), *map(athena._named_queries.get, ids)]
    return next((str(each["WorkGroup"]) for each in known if each), "")


def json_tables() -> None:
    """A table over JSON has the columns that Glue defines, of their types; members that a line lacks are NULL.

    https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
    """
    relation, empty = athena._table_relation, athena._empty_relation

    def table_relation(table: dict[str, Any], files: Sequence[str]) -> str:
        if athena._data_format(table) != "json":
            return str(relation(table, files))
        return engine.lines(files, _columns(table, "StorageDescriptor"))

    def empty_relation(table: dict[str, Any]) -> str:
        if athena._data_format(table) != "json":
            return str(empty(table))
        return engine.nothing([*_columns(table, "StorageDescriptor"), *_columns(table, "PartitionKeys")])

    athena._table_relation, athena._empty_relation = table_relation, empty_relation


def _columns(table: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
    listed = table[where]["Columns"] if where == "StorageDescriptor" else table.get(where, ())
    return [(each["Name"], each["Type"]) for each in listed]


def views() -> None:
    """A query may ask a view, which is a table of Glue whose text has the SQL; views may ask views.

    https://docs.aws.amazon.com/athena/latest/ug/views.html
    """
    rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str, catalog: str | None = None) -> Any:
        return await rewrite(_expanded(query, database), database, catalog)

    athena._rewrite_data_paths = rewritten


def _expanded(query: str, database: str) -> str:
    """The query with the SQL of the views in the places of their names."""
    for each in reversed(athena._table_references(query)):
        table = glue._tables.get(f"{each.database or database or 'default'}/{each.table}") or {}
        if table.get("TableType") == "VIRTUAL_VIEW":
            encoded = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
            view = json.loads(base64.b64decode(encoded, validate=True))
            alias = "" if each.aliased else f' AS "{each.table}"'
            inner = _expanded(view["originalSql"], view["schema"])
            query = f"{query[: each.start]}(\n{inner}\n){alias}{query[each.end :]}"
    return query


def functions_of_trino() -> None:
    """Athena has Trino's functions, of which DuckDB has some under other names.

    https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html
    """
    rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str, catalog: str | None = None) -> Any:
        text, *more = await rewrite(query, database, catalog)
        return ";\n".join((*engine.FUNCTIONS, text)), *more

    athena._rewrite_data_paths = rewritten


def texts_of_values() -> None:
    """Athena writes a list as [a, b] and a moment with milliseconds, and says which columns are lists and JSON."""
    text = athena._datum_text

    def datum_text(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join('null' if each is None else datum_text(each) for each in value)}]"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
        return str(text(value))

    athena._datum_text = datum_text
    athena._DUCKDB_TYPE_MAP |= {"VARCHAR[]": "array", "JSON": "json", "UBIGINT": "bigint"}


def _filled(query: str, values: Iterator[str]) -> str:
    """The query with values for parameters; those for which there is none stay, and the query fails."""
    return _PARAMETER.sub(lambda found: next(values, "?") if found["parameter"] else found[0], query)
