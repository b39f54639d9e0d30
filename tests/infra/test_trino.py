"""The auditor's SQL as Athena reads it: with Trino's grammar, and only with functions that Trino has."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.views import VIEWS
from jitney.client.audit import access_history, audit_names, grant_report
from tests.infra.trino.grammar import faults

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.sql")}
TEXTS |= {f"view {view.name}": view.sql for view in VIEWS}
TEXTS |= {
    f"{module.__name__} {name}": getattr(module, name)
    for module, names in (
        (grant_report, ("RECORDS", "CALLS", "GAPS")),
        (access_history, ("RECORDS", "CALLS")),
        (audit_names, ("AGENTS", "HUMANS", "PEOPLE", "GRANTS", "RESOURCES")),
    )
    for name in names
}
# https://trino.io/docs/current/functions/list.html; OPERATORS are what DuckDB's parser makes of operators and casts.
OF_TRINO = {
    "any_match", "array_agg", "bool_or", "coalesce", "count", "count_if", "date_diff", "json_array_length",
    "json_extract", "json_extract_scalar", "json_format", "lag", "lead", "length", "lower", "map", "max", "max_by",
    "min", "replace", "row_number", "rtrim", "sequence", "substr", "sum", "to_unixtime", "transform", "unnest",
}  # fmt: skip
OPERATORS = {"-", "+", "*", "||", "~~", "!~~", "like_escape", "list_value", "trunc", "to_days", "count_star"}


def functions(node: Any) -> Iterator[str]:
    """Yield the names of all functions in a parsed text."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "function_name" in node:
        yield str(node["function_name"]).lower()
    for each in inner:
        yield from functions(each)


def test_aud_05_the_sql_parses_with_trinos_grammar():
    assert dict(zip(TEXTS, faults(list(TEXTS.values())), strict=True)) == {name: [] for name in TEXTS}


@pytest.mark.parametrize(
    "sql", ["FROM calls", "SELECT [1, 2]", "SELECT list_filter(a, lambda x: x) FROM t", "SELECT 1 FROM t QUALIFY 1 > 0"]
)
def test_aud_05_sql_that_only_duckdb_reads_is_detected(sql: str):
    assert faults([sql]) != [[]]


def test_aud_05_every_function_exists_in_trino():
    unknown = {}
    with duckdb.connect(":memory:") as connection:
        for name, text in TEXTS.items():
            (parsed,) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone() or ("{}",)
            tree = json.loads(parsed)
            assert not tree["error"], name
            unknown[name] = set(functions(tree)) - OPERATORS - OF_TRINO
    assert {name: found for name, found in unknown.items() if found} == {}
