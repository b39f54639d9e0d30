"""Athena: what the auditor's queries need."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import athena, glue

from local import engine
from local.emulator.gaps.replacement import replaces

PACKED = (".gz", ".zst")
# Strings and comments, in which a question mark is no parameter, or else a parameter.
_PARAMETER = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|(?P<parameter>\?)")


def execution_parameters() -> None:
    """Athena replaces the question marks of a query by the values of ExecutionParameters, in order.

    https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html
    """

    @replaces(athena, "_start_query_execution")
    def with_parameters(start: Any, data: dict[str, Any]) -> Any:
        values = iter(data.get("ExecutionParameters") or ())
        return start({**data, "QueryString": _filled(data.get("QueryString", ""), values)})


def workgroups_of_queries() -> None:
    """A principal sees a named query or an execution if it has the permission in its workgroup.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(
        arn_of: Any, service: str, method: str, path: str, headers: Any, body: bytes, *more: Any
    ) -> Any:
        if service == "athena" and (workgroup := _workgroup(json.loads(body or b"{}"))):
            region, account = more[-2:]
            return f"arn:aws:athena:{region}:{account}:workgroup/{workgroup}"
        return arn_of(service, method, path, headers, body, *more)


def _workgroup(asked: Mapping[str, Any]) -> str:
    """Return the workgroup of the query or execution with this id; "" if there is none.

    For several queries, return the workgroup of the first.
    """
    ids = [asked.get("NamedQueryId"), *asked.get("NamedQueryIds", ())]
    known = [athena._executions.get(asked.get("QueryExecutionId")), *map(athena._named_queries.get, ids)]
    return next((str(each["WorkGroup"]) for each in known if each), "")


def json_tables() -> None:
    """A table over JSON has the columns and types that Glue defines. Members that a line lacks are NULL.

    A query copies each table once, and reads each folder as one file, because DuckDB needs milliseconds to open a file
    and Firehose writes thousands of small ones. https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
    """
    copied: ContextVar[dict[str, list[str]]] = ContextVar("copied")

    @replaces(athena, "_rewrite_data_paths")
    async def rewritten(rewrite: Any, query: str, database: str, catalog: str | None = None) -> Any:
        copied.set({})
        return await rewrite(query, database, catalog)

    @replaces(athena, "_materialize_table_files")
    def copied_once(copy: Any, location: str, workdirs: list[str]) -> list[str]:
        known = copied.get()
        if location not in known:
            known[location] = copy(location, workdirs)
        return known[location]

    @replaces(athena, "_table_relation")
    def table_relation(relation: Any, table: dict[str, Any], files: Sequence[str]) -> str:
        if athena._data_format(table) != "json":
            return str(relation(table, files))
        return engine.lines(_joined(files), _columns(table, "StorageDescriptor"))

    @replaces(athena, "_empty_relation")
    def empty_relation(empty: Any, table: dict[str, Any]) -> str:
        if athena._data_format(table) != "json":
            return str(empty(table))
        return engine.nothing([*_columns(table, "StorageDescriptor"), *_columns(table, "PartitionKeys")])


def _joined(files: Sequence[str]) -> list[str]:
    """Return files with the same lines, one for each folder and suffix. A suffix can mean that lines are compressed."""
    folders: dict[Path, list[Path]] = {}
    for each in map(Path, files):
        folders.setdefault(each.parent / f".joined{each.suffix}", []).append(each)
    for whole, parts in folders.items():
        if not whole.exists():
            end = b"" if whole.suffix in PACKED else b"\n"
            whole.write_bytes(b"".join(part.read_bytes().removesuffix(end) + end for part in parts))
    return [str(each) for each in folders]


def _columns(table: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
    listed = table[where]["Columns"] if where == "StorageDescriptor" else table.get(where, ())
    return [(each["Name"], each["Type"]) for each in listed]


def views() -> None:
    """A query may read a view, which is a Glue table that contains SQL. A view may read other views.

    https://docs.aws.amazon.com/athena/latest/ug/views.html
    """

    @replaces(athena, "_rewrite_data_paths")
    async def rewritten(rewrite: Any, query: str, database: str, catalog: str | None = None) -> Any:
        return await rewrite(_expanded(query, database), database, catalog)


def _expanded(query: str, database: str) -> str:
    """Return the query with the SQL of views instead of their names."""
    for each in reversed(athena._table_references(query)):
        table = glue._tables.get(f"{each.database or database or 'default'}/{each.table}") or {}
        if view := _view_in(table):
            alias = "" if each.aliased else f' AS "{each.table}"'
            inner = _expanded(view["originalSql"], view["schema"])
            query = f"{query[: each.start]}(\n{inner}\n){alias}{query[each.end :]}"
    return query


def _view_in(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition of a view from its Glue table; {} if the table is not a view."""
    if table.get("TableType") != "VIRTUAL_VIEW":
        return {}
    encoded = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    return dict(json.loads(base64.b64decode(encoded, validate=True)))


def queries_ask_as_the_caller() -> None:
    """Athena reads the catalog and the tables' objects, and writes the results, with the caller's permissions.

    https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
    """
    enforce = iam_evaluator.enforce
    asked: ContextVar[tuple[str, str]] = ContextVar("asked")

    def remembered(key: str, action: str, service: str, region: str, *more: Any, **named: Any) -> Any:
        if action == "athena:StartQueryExecution":
            asked.set((key, region))
        return enforce(key, action, service, region, *more, **named)

    def require(action: str, arn: str, words: str) -> None:
        key, region = asked.get()
        if enforce(key, action, "athena", region, resource_arn=arn):
            raise PermissionError(f"{words}: the caller is not authorized to perform: {action} on resource: {arn}")

    @replaces(athena, "_rewrite_data_paths")
    async def rewritten(rewrite: Any, query: str, database: str, catalog: str | None = None) -> Any:
        for name, table in _tables_of(query, database):
            words = "Insufficient permissions to execute the query"
            place = f"arn:aws:glue:{asked.get()[1]}:{get_account_id()}"
            for arn in (f"{place}:catalog", f"{place}:database/{name.partition('/')[0]}", f"{place}:table/{name}"):
                require("glue:GetTable", arn, words)
            if location := (table.get("StorageDescriptor") or {}).get("Location"):
                folder = location.removeprefix("s3://")
                require("s3:ListBucket", f"arn:aws:s3:::{folder.partition('/')[0]}", f"Permission denied on {location}")
                require("s3:GetObject", f"arn:aws:s3:::{folder}object", f"Permission denied on {location}")
        return await rewrite(query, database, catalog)

    @replaces(athena, "_save_query_results")
    async def saved(save: Any, query_id: str) -> None:
        location = athena._executions[query_id]["ResultConfiguration"]["OutputLocation"]
        require("s3:PutObject", f"arn:aws:s3:::{location.removeprefix('s3://')}", f"Permission denied on {location}")
        await save(query_id)

    iam_evaluator.enforce = remembered


def _tables_of(query: str, database: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the Glue tables that a query reads, by database and name.

    Views and the tables that they read are included.
    """
    for each in athena._table_references(query):
        name = f"{each.database or database or 'default'}/{each.table}"
        if table := glue._tables.get(name):
            yield name, table
            if view := _view_in(table):
                yield from _tables_of(view["originalSql"], view["schema"])


def functions_of_trino() -> None:
    """Athena has Trino's functions. DuckDB has some of them under other names.

    https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html
    """

    @replaces(athena, "_rewrite_data_paths")
    async def rewritten(rewrite: Any, query: str, database: str, catalog: str | None = None) -> Any:
        text, *more = await rewrite(query, database, catalog)
        return ";\n".join((*engine.FUNCTIONS, text)), *more


def texts_of_values() -> None:
    """Athena writes a list as [a, b] and a moment with milliseconds. It says which columns are lists and JSON."""

    @replaces(athena, "_datum_text")
    def datum_text(text: Any, value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join('null' if each is None else datum_text(each) for each in value)}]"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
        return str(text(value))

    athena._DUCKDB_TYPE_MAP |= {"VARCHAR[]": "array", "JSON": "json", "UBIGINT": "bigint"}


def _filled(query: str, values: Iterator[str]) -> str:
    """Return the query with values for parameters. If a value is missing, the parameter stays, and the query fails."""
    return _PARAMETER.sub(lambda found: next(values, "?") if found["parameter"] else found[0], query)
