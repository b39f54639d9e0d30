"""An owner's pending reviews in the state table: `pk` PENDING#<owner>, the entries as JSON in `waiting`.

`version` is the id of the grant that was added last: an item that was deleted and written again has another one.
`expires` is DynamoDB's TTL.
"""

from typing import Any

from jitney.core.review.pending import PendingReviews, PendingReviewsUpdate

Item = dict[str, Any]


def key_of(owner: str) -> str:
    """Return the partition key of an owner's pending reviews."""
    return f"PENDING#{owner}"


def item_key(owner: str) -> Item:
    """Return the key of an owner's item."""
    return {"pk": {"S": key_of(owner)}, "sk": {"S": "PENDING"}}


def pending_in(owner: str, item: Item | None) -> PendingReviews:
    """Return the pending reviews in an item, none without an item. Raises KeyError, TypeError or ValueError."""
    return PendingReviews.read(owner, item["version"]["S"], item["waiting"]["S"]) if item else PendingReviews(owner)


def put_of(table: str, update: PendingReviewsUpdate) -> Item:
    """Return the transaction item that adds a grant, provided that the others are as they were read."""
    before, after = update
    item = item_key(after.owner) | {
        "waiting": {"S": after.text()},
        "version": {"S": after.version},
        "expires": {"N": str(max(each.until for each in after.entries))},
    }
    put: Item = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if before.version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": {"S": before.version}}
    return {"Put": put}
