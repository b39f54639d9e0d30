"""Lists of grants in the state table: `pk` is the list's key, such as PENDING#<quota key>, `sk` the part before the #.

`entries` has the list as JSON. Writes are conditional on `version`, the id of the last added grant: an item that TTL
deleted and a later grant created again differs from the one that was read. `expires` is DynamoDB's TTL.
"""

from typing import Any

from jitney.core.access.grant_list import GrantList, GrantListUpdate

Item = dict[str, Any]


def item_key(key: str) -> Item:
    """Return the key of a list's item."""
    return {"pk": {"S": key}, "sk": {"S": key.partition("#")[0]}}


def list_in(key: str, item: Item | None) -> GrantList:
    """Return the list in an item, an empty one for None. Raises KeyError, TypeError or ValueError for another item."""
    return GrantList.read(key, item["version"]["S"], item["entries"]["S"]) if item else GrantList(key)


def list_put(table: str, update: GrantListUpdate) -> Item:
    """Return the part of a transaction that writes a list, unless the list changed since it was read."""
    before, after = update
    item = item_key(after.key) | {
        "entries": {"S": after.text()},
        "version": {"S": after.version},
        "expires": {"N": str(max(entry.until for entry in after.entries))},
    }
    put: Item = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if before.version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": {"S": before.version}}
    return {"Put": put}
