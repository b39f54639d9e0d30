"""The suspensions in one item of the state table, which is read before every decision.

Its `pk` and `sk` are SUSPENSIONS.

`entries` has the suspensions as JSON. `version` changes with each write. `jitney.adapters.store` writes the item with
the record of the change. Forgetting a lifted suspension has no record.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.table_reads import item_key, put_versioned, read_item, readable
from jitney.core.access.suspensions import Suspensions

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SUSPENSIONS_KEY = item_key("SUSPENSIONS", "SUSPENSIONS")


class SuspensionStore:
    """Reads the suspensions. Raises Problem unavailable when DynamoDB does not answer.

    Raises Problem item_unreadable as `readable`.
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
        with readable("the suspensions, so it issues, decides and ends nothing"):
            if item["version"]["S"] != self._last.version:
                self._last = Suspensions.read(item["version"]["S"], item["entries"]["S"])
        return self._last

    def forget_lifted(self, before: Suspensions, now: int, version: str) -> None:
        """Delete the suspensions in `before` that are not `Suspensions.kept`. The others get the `version`.

        If they changed since they were read, or a transaction is changing them, nothing is deleted.
        """
        if (kept := before.kept(now)) == before:
            return
        errors = self._client.exceptions
        changed = (errors.ConditionalCheckFailedException, errors.TransactionConflictException)
        with aws_errors_as_unavailable("The store"), suppress(*changed):
            self._client.put_item(**suspensions_put(self._table, before, kept, version)["Put"])


def suspensions_put(table: str, before: Suspensions, after: Suspensions, version: str) -> dict[str, Any]:
    """Return the part of a transaction that writes the suspensions, unless they changed since they were read.

    No other write may have the same `version`, because functions parse each version once.
    """
    item = SUSPENSIONS_KEY | {"entries": {"S": after.text()}, "version": {"S": version}}
    return put_versioned(table, item, before.version)
