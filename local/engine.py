"""DuckDB instead of Athena's engine: the tables and views of `infra`, and the same SQL, on this machine.

The SQL is written for Trino, and uses only what DuckDB also understands. `FUNCTIONS` adds the few functions that DuckDB
does not have.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from jitney.audit_database.glue_tables import TABLES
from jitney.audit_database.views import VIEWS

TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "array<string>": "VARCHAR[]",
}
"""Glue's types and DuckDB's types for them."""
# https://trino.io/docs/current/functions/json.html and array.html
FUNCTIONS = (
    "CREATE MACRO json_format(value) AS CAST(value AS VARCHAR)",
    """
    CREATE MACRO json_extract_scalar(value, path) AS
    CASE WHEN json_valid(value) THEN json_extract_string(value, path) END
    """,
    "CREATE MACRO to_unixtime(moment) AS epoch(moment)",
    "SET lambda_syntax = 'ENABLE_SINGLE_ARROW'",
    "CREATE MACRO transform(members, change) AS list_transform(members, change)",
    "CREATE MACRO any_match(members, test) AS len(list_filter(members, test)) > 0",
    "CREATE MACRO sequence(first, last) AS generate_series(first, last)",
)


def lines(files: Iterable[str], columns: Sequence[tuple[str, str]]) -> str:
    """Return a relation over lines of JSON in `files` (or patterns): these columns, and the folders' `dt`.

    As in the tables' JSON SerDe, other members are ignored, and missing members are NULL.
    """
    listed = ", ".join(f"'{each.replace("'", "''")}'" for each in files)
    kinds = ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in columns)
    return (
        f"read_json([{listed}], format = 'newline_delimited', columns = {{{kinds}}}, hive_partitioning = true, "
        "hive_types = {'dt': VARCHAR})"
    )


def opened(folder: Path, newest: Mapping[str, int] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a database with all tables and views. `folder` has a folder for each table and day, as in S3.

    `newest` limits tables to that many of their last days, because Athena skips the folders of other days, and DuckDB
    does not if the query has an UNNEST.
    """
    connection = duckdb.connect(":memory:")
    for function in FUNCTIONS:
        connection.execute(function)
    for table in TABLES:
        days = sorted((folder / table.name).glob("dt=*"))[-(newest or {}).get(table.name, 0) :]
        columns = [*table.columns, ("dt", "string")]
        relation = lines([f"{day}/**" for day in days], table.columns) if days else nothing(columns)
        connection.execute(f"CREATE VIEW {table.name} AS FROM {relation}")
    for view in VIEWS:
        connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
    return connection


def nothing(columns: Sequence[tuple[str, str]]) -> str:
    """Return an empty relation with these columns."""
    cells = ", ".join(f'CAST(NULL AS {TYPES[kind]}) AS "{name}"' for name, kind in columns)
    return f"(SELECT {cells} WHERE FALSE)"
