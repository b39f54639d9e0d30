"""Out-of-office entries in the state table, one per person: `pk` OUT_OF_OFFICE, `sk` the digest of the person.

`id` is the entry's id, `text` the entry, and `expires` its end, for DynamoDB's TTL. There are few entries, so they are
read together.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from jitney.adapters.table_reads import NEW, Item, TableItems, item_key, partition_items
from jitney.core.access.grant import Vote
from jitney.core.review.out_of_office import OutOfOffice, OutOfOfficeEntries

OUT_OF_OFFICE = "OUT_OF_OFFICE"
_AS_READ = "id = :id"

_log = logging.getLogger(__name__)


class OutOfOfficeStore(TableItems):
    """Reads out-of-office entries. Raises Problem unavailable when DynamoDB does not answer."""

    def all(self) -> OutOfOfficeEntries:
        """Return all entries, even those that have ended.

        An entry that cannot be read, such as one of a newer version, is among the `unreadable`: no delegate may vote
        for its person.
        """
        found = {each["sk"]["S"]: _entry_of(each) for each in partition_items(self._client, self._table, OUT_OF_OFFICE)}
        readable = tuple(entry for entry in found.values() if entry)
        return OutOfOfficeEntries(readable, frozenset(digest for digest, entry in found.items() if entry is None))


def write_of(table: str, before: OutOfOffice | None, after: OutOfOffice | None) -> dict[str, Any]:
    """Return the transaction item that replaces or deletes an entry.

    The write fails if the entry changed since it was read.
    """
    known: dict[str, Any] = {"ConditionExpression": NEW}
    if before:
        known = {"ConditionExpression": _AS_READ, "ExpressionAttributeValues": _id(before.id)}
    if after is None:
        return {"Delete": {"TableName": table, "Key": _key(before.human.digest if before else ""), **known}}
    item = _key(after.human.digest) | {
        "id": {"S": after.id},
        "text": {"S": after.text()},
        "expires": {"N": str(after.ends_at)},
    }
    return {"Put": {"TableName": table, "Item": item, **known}}


def checks_of(table: str, votes: Sequence[Vote]) -> Iterator[dict[str, Any]]:
    """Yield the transaction items for votes by delegates. The write fails if a delegation changed since it was read."""
    entry_ids = {each.delegator.digest: each.out_of_office_id for vote in votes for each in vote.delegations}
    for digest, entry_id in entry_ids.items():
        check = {"Key": _key(digest), "ConditionExpression": _AS_READ, "ExpressionAttributeValues": _id(entry_id)}
        yield {"ConditionCheck": {"TableName": table, **check}}


def _entry_of(item: dict[str, Any]) -> OutOfOffice | None:
    try:
        return OutOfOffice.read(item["text"]["S"])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _log.error("unreadable item", extra={"item": "an out-of-office entry", "error": type(error).__name__})
        return None


def _id(entry_id: str) -> dict[str, Any]:
    return {":id": {"S": entry_id}}


def _key(digest: str) -> Item:
    return item_key(OUT_OF_OFFICE, digest)
