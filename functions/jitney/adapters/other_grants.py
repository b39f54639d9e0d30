"""Other active grants in the state table: ACTIVE_GRANTS#<identity>, the entries as JSON in `held`, and a `version`.

Writes are conditional on the version. It is a grant's id, so that an item that was deleted and rewritten has another
version than the one that was read. `expires` is DynamoDB's TTL.
"""

from typing import Any

from jitney.core.access.other_grants import OtherGrants, OtherGrantsUpdate

Item = dict[str, Any]


def key_of(identity: str) -> str:
    """The partition key of an identity's holdings."""
    return f"ACTIVE_GRANTS#{identity}"


def item_key(identity: str) -> Item:
    """The key of an identity's item."""
    return {"pk": {"S": key_of(identity)}, "sk": {"S": "ACTIVE_GRANTS"}}


def other_grants_in(identity: str, item: Item | None) -> OtherGrants:
    """The holdings in an item; none when there is no item. Raises KeyError, TypeError or ValueError for another's."""
    if item is None:
        return OtherGrants(identity)
    return OtherGrants.read(identity, item["version"]["S"], item["held"]["S"])


def other_grants_put(table: str, change: OtherGrantsUpdate) -> Item:
    """The part of a transaction that changes holdings, on condition that they are as they were read."""
    before, after = change
    item = item_key(after.identity) | {
        "held": {"S": after.text()},
        "version": {"S": after.version},
        "expires": {"N": str(max(entry.until for entry in after.entries))},
    }
    put: Item = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if before.version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": {"S": before.version}}
    return {"Put": put}
