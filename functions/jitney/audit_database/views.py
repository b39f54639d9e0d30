"""Views over records and calls in Athena's own form: Glue tables that contain SQL.

Each view has `dt`. A query over some days reads only these days, because no view combines lines of different days.
Queries can combine days, for example for a review overnight. They limit the number of days themselves.
"""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

FOLDER = Path(__file__).with_name("views")
# Glue's types in Trino, Athena's engine.
_TRINO = {
    "string": "varchar",
    "int": "integer",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "array<string>": "array(varchar)",
}

Columns: TypeAlias = tuple[tuple[str, str], ...]


class View(NamedTuple):
    """A view: the SQL file of the same name, and the columns that it returns, with their types in Glue."""

    name: str
    columns: Columns

    @property
    def sql(self) -> str:
        """The SQL of the view."""
        return (FOLDER / f"{self.name}.sql").read_text(encoding="utf-8")

    @property
    def description(self) -> str:
        """The first comment of the SQL. It describes the view."""
        return first_comment(self.sql)

    def original_text(self, database: str) -> str:
        """Return the view in Athena's form: Trino's definition in base64, as Trino's Hive connector stores it.

        https://github.com/trinodb/trino/blob/400/plugin/trino-hive/src/main/java/io/trino/plugin/hive/ViewReaderUtil.java
        and for Athena through CloudFormation https://stackoverflow.com/a/56347331
        """
        definition: dict[str, Any] = {
            "originalSql": self.sql,
            "catalog": "awsdatacatalog",
            "schema": database,
            "columns": [{"name": name, "type": _TRINO[kind]} for name, kind in self.columns],
        }
        return f"/* Presto View: {base64.b64encode(json.dumps(definition).encode()).decode()} */"


def first_comment(sql: str) -> str:
    """Return the comment in the first line."""
    return sql.split("\n", maxsplit=1)[0].removeprefix("--").strip()


_STRING = "string"
_ARRAY = "array<string>"
_TYPES: dict[str, str] = {
    **dict.fromkeys(("actions", "resources", "policies", "created", "deleted", "reasons"), _ARRAY),
    **dict.fromkeys(("version", "seq", "duration_seconds", "count"), "int"),
    **dict.fromkeys(("class_uid", "activity_id", "severity_id", "status_id"), "int"),
    **dict.fromkeys(("bytes_in", "bytes_out", "calls", "failed"), "bigint"),
    **dict.fromkeys(("read_only", "denied", "granted", "grants_access", "ends_access"), "boolean"),
}


def _view(name: str, columns: str) -> View:
    """Return a view with these columns. A name has the same type in all views.

    Names that are not in `_TYPES` are text.
    """
    return View(name, tuple((column, _TYPES.get(column, _STRING)) for column in columns.split()))


# Each view comes after the views that it uses.
VIEWS: tuple[View, ...] = (
    _view(
        "unique_records",
        "dt version chain seq time event outcome code grant_id principal issuer subject unit human target account "
        "actions resources duration_seconds expires_at reason ticket source_ip request_id policy_version policies "
        "configuration detail count prev hash grants_access ends_access",
    ),
    _view(
        "unique_calls",
        "dt version event_id time account region role_arn session access_key_id source_identity invoked_by service "
        "operation actions resources read_only error_code error_message denied source_ip user_agent request_id request "
        "response bytes_in bytes_out issued_access_key_id created deleted target verdict purpose call_id "
        "record_match grant_id human reasons correlated_at",
    ),
    _view(
        "grant_timeline",
        "dt grant_id time kind activity outcome code person principal human target account actions resources reason "
        "source_ip seq detail grants_access",
    ),
    _view("used_versus_granted", "dt grant_id principal human target account action granted calls failed"),
    _view(
        "denied_calls",
        "dt event_id time grant_id principal human target account service operation actions resources error_code "
        "error_message source_ip",
    ),
    _view(
        "review_decisions",
        "dt time event outcome code grant_id person comment via on_behalf_of principal human target account actions "
        "resources duration_seconds source_ip detail",
    ),
    _view(
        "bypasses",
        "dt event_id time target account role_arn session source_identity access_key_id service operation actions "
        "resources reasons error_code source_ip user_agent grant_id",
    ),
    _view("resource_changes_by_day", "dt account resource state time grant_id principal human target"),
    _view("ocsf_api_activity", "dt event_id time grant_id class_uid activity_id severity_id status_id event"),
)
