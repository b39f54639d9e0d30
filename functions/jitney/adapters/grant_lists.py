"""Lists of grants in the state table.

`pk` is the list's key, such as PENDING#<quota key>. `sk` is the part before the #.

`entries` has the list as JSON. Writes are conditional on `version`, the id of the last added grant. So a write also
fails if TTL deleted the item and a later grant created it again. `expires` is DynamoDB's TTL.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jitney.adapters.table_reads import Item, item_key, put_versioned, read_items, readable
from jitney.core.access.grant_list import GrantList, GrantListUpdate

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def lists_with(client: "DynamoDBClient", table: str, keys: Iterable[str]) -> dict[str, GrantList]:
    """Return the lists with these keys. A list without an item is empty.

    Raises Problem unavailable as `read_items`, and item_unreadable as `readable`.
    """
    wanted = {key: GrantList(key) for key in keys}
    items = read_items(client, table, map(_item_key, wanted))
    with readable("the grants that this request is decided with"):
        found = ((item["pk"]["S"], item["version"]["S"], item["entries"]["S"]) for item in items)
        return wanted | {key: GrantList.read(key, version, text) for key, version, text in found}


def list_put(table: str, update: GrantListUpdate) -> Item:
    """Return the part of a transaction that writes a list, unless the list changed since it was read."""
    before, after = update
    item = _item_key(after.key) | {
        "entries": {"S": after.text()},
        "version": {"S": after.version},
        "expires": {"N": str(max(entry.until for entry in after.entries))},
    }
    return put_versioned(table, item, before.version)


def _item_key(key: str) -> Item:
    return item_key(key, key.partition("#")[0])
