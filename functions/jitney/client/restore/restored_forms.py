"""Checks that tables which were restored are Jitney's: their keys, their indexes, and the key that encrypts them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.client.problems import Invalid
from jitney.core.call_lookup import CALL_INDEX, CALL_INDEX_ATTRIBUTES

TITLE = "The tables were not prepared"
KEY_ALIAS = "alias/jitney"
"""The KMS key that the stack makes for both tables."""


class TableForm(NamedTuple):
    """The kind of a table, such as "a state table", and the keys of each of its indexes."""

    name: str
    indexes: Mapping[str, tuple[str, str]]


STATE = TableForm("a state table", {"by_principal": ("gsi_pk", "gsi_sk"), "open_by_role": ("open_role", "open_until")})
AUDIT = TableForm("an audit table", {CALL_INDEX: CALL_INDEX_ATTRIBUTES})


def check_form(table: Mapping[str, Any], form: TableForm) -> None:
    """Check the keys and indexes in DynamoDB's description of a table. Raises Invalid."""
    keys = {each["IndexName"]: _keys(each) for each in table.get("GlobalSecondaryIndexes", ())}
    if _keys(table) != ("pk", "sk") or any(keys.get(name) != its for name, its in form.indexes.items()):
        raise Invalid(
            "table_invalid", TITLE, f"{table['TableName']} is not {form.name}.", f"Name {form.name} of Jitney."
        )


def check_key(table: Mapping[str, Any], key_arn: str) -> None:
    """Check that Jitney's key encrypts the described table. Raises Invalid."""
    present = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
    if present != key_arn:
        detail = f"{table['TableName']} is encrypted with {present or 'a key of DynamoDB'}, not with {KEY_ALIAS}."
        fix = "Restore it again with --sse-specification-override, as docs/restore.md shows."
        raise Invalid("table_invalid", TITLE, detail, fix)


def _keys(described: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a table's or an index's keys, the partition's first."""
    by_type = {each["KeyType"]: each["AttributeName"] for each in described["KeySchema"]}
    return tuple(by_type[kind] for kind in ("HASH", "RANGE") if kind in by_type)
