"""The tables and days that a query reads, from its conditions on `dt` as DuckDB parses them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import duckdb

from jitney.audit_database.views import VIEWS

type Node = Mapping[str, Any]

# For each comparison, as in `jitney.client.audit.periods`: the side of `dt`, and the side of the first day.
_SINCE = {"COMPARE_GREATERTHANOREQUALTO": ("left", "right"), "COMPARE_LESSTHANOREQUALTO": ("right", "left")}
_VIEWS = {each.name: each.sql for each in VIEWS}


class Scan(NamedTuple):
    """A read of one table: today and the `days` before it, or all days if `days` is None."""

    table: str
    days: int | None


def scans(sql: str) -> tuple[Scan, ...]:
    """Return the tables that `sql` reads, one entry for each read.

    For a view, these are its tables, on the same days.
    """
    return tuple(Scan(table, each.days) for each in _named(sql) for table in _tables(each.table))


def _tables(name: str) -> Iterator[str]:
    """Yield the tables that a name in SQL refers to: a table itself, or the tables of a view.

    A view's SQL has no conditions on days.
    """
    if name not in _VIEWS:
        yield name
        return
    for each in _named(_VIEWS[name]):
        yield from _tables(each.table)


def _named(sql: str) -> Iterator[Scan]:
    with duckdb.connect(":memory:") as connection:
        (text,) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    parsed = json.loads(text)
    if parsed.get("error"):
        raise ValueError(parsed.get("error_message"))
    for each in _selects(parsed["statements"]):
        yield from _of_select(each)


def _selects(node: Any) -> Iterator[Node]:
    """Yield every SELECT, including nested ones."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and node.get("type") == "SELECT_NODE":
        yield node
    for each in inner:
        yield from _selects(each)


def _of_select(select: Node) -> Iterator[Scan]:
    names = list(_sources(select["from_table"], ()))
    only = len([each for each in names if each]) == 1
    for source in names:
        if source:
            alias, table, conditions = source
            bounds = [_days(each, alias, only=only) for each in (*_all_of(select.get("where_clause")), *conditions)]
            yield Scan(table, min((each for each in bounds if each is not None), default=None))


def _sources(node: Node, conditions: tuple[Node, ...]) -> Iterator[tuple[str, str, tuple[Node, ...]] | None]:
    """Yield the alias and name of each table in a FROM, and the conditions of joins that filter its rows.

    Yields None for a subquery, which has its own tables.
    """
    if node["type"] == "BASE_TABLE":
        yield node["alias"] or node["table_name"], node["table_name"], conditions
    elif node["type"] == "JOIN":
        own = tuple(_all_of(node.get("condition")))
        kept_left = () if node["join_type"] == "LEFT" else own
        yield from _sources(node["left"], conditions + kept_left)
        yield from _sources(node["right"], conditions + own)
    elif node["type"] == "SUBQUERY":
        yield None


def _all_of(node: Node | None) -> Iterator[Node]:
    """Yield the conditions that are joined by AND."""
    if node and node["type"] == "CONJUNCTION_AND":
        for each in node["children"]:
            yield from _all_of(each)
    elif node:
        yield node


def _days(condition: Node, alias: str, *, only: bool) -> int | None:
    """Return the number of days before today at which a condition on `alias` begins; None if it sets no limit."""
    if condition["type"] not in _SINCE:
        return None
    dt, first = (condition[side] for side in _SINCE[condition["type"]])
    names = dt.get("column_names")
    if names != [alias, "dt"] and not (only and names == ["dt"]):
        return None
    numbers = [each for each in _literals(first) if each.isdigit()]
    return int(numbers[0]) if "current_date" in json.dumps(first) and len(numbers) == 1 else None


def _literals(node: Any) -> Iterator[str]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "text" in (literal := node.get("literal") or {}):
        yield str(literal["text"])
    for each in inner:
        yield from _literals(each)
