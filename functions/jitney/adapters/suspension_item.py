"""The suspensions in one item of the state table, which is read before every decision.

Its `pk` and `sk` are SUSPENSIONS.

`entries` has the suspensions as JSON. `version` changes with each write. `jitney.adapters.store` writes the item with
the record of the change.
"""

import logging
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from jitney.adapters.table_reads import item_key, read_item
from jitney.core.access.suspensions import Suspension, Suspensions
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SUSPENSIONS_KEY = item_key("SUSPENSIONS", "SUSPENSIONS")

_log = logging.getLogger(__name__)


class SuspensionStore:
    """Reads the suspensions. Raises Problem unavailable when DynamoDB does not answer.

    Raises Problem suspensions_unreadable for an item that this version cannot read, such as one of a newer version.
    """

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table
        self._last = Suspensions()

    def current(self) -> Suspensions:
        """Return the suspensions as last written."""
        return self.parsed(read_item(self._client, "The store", self._table, SUSPENSIONS_KEY))

    def parsed(self, item: dict[str, Any] | None) -> Suspensions:
        """Return the suspensions in the item; no suspensions if there is no item. Each version is parsed once."""
        if item is None:
            return Suspensions()
        try:
            if item["version"]["S"] != self._last.version:
                found = Suspensions.read(item["version"]["S"], item["entries"]["S"])
                _require_types(found.entries)
                self._last = found
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            _log.error("unreadable suspensions", extra={"error": type(error).__name__})
            detail = "This version of Jitney cannot read the suspensions, so it issues, decides and ends nothing."
            fix = "Ask your platform engineer to deploy the version that wrote them (docs/upgrades.md)."
            raise Problem("suspensions_unreadable", detail, fix) from error
        return self._last


def _require_types(suspensions: Iterable[Suspension]) -> None:
    """Raise TypeError for a member of another type: a suspension with such a name would cover no one."""
    types: dict[str, Any] = {each.name: getattr(each.type, "__supertype__", each.type) for each in fields(Suspension)}
    for each in suspensions:
        for name, kind in types.items():
            if not isinstance(getattr(each, name), kind):
                raise TypeError(name)


def suspensions_put(table: str, before: Suspensions, after: Suspensions, version: str) -> dict[str, Any]:
    """Return the part of a transaction that writes the suspensions, unless they changed since they were read.

    No other write may have the same `version`, because functions parse each version once.
    """
    item = SUSPENSIONS_KEY | {"entries": {"S": after.text()}, "version": {"S": version}}
    put: dict[str, Any] = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if before.version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": {"S": before.version}}
    return {"Put": put}
