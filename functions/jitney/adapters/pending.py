"""What an owner has under review, in the state table: PENDING#<owner>, the entries as JSON in `waiting`, their `stamp`.

`expires` is DynamoDB's TTL. A stamp is the id of a grant, so that an item which was deleted and came again is not taken
for the one that was read.
"""

from typing import Any

from jitney.core.review.pending import PendingReviews, PendingReviewsUpdate

Item = dict[str, Any]


def key_of(owner: str) -> str:
    """The partition key of what an owner has under review."""
    return f"PENDING#{owner}"


def item_key(owner: str) -> Item:
    """The key of an owner's item."""
    return {"pk": {"S": key_of(owner)}, "sk": {"S": "PENDING"}}


def pending_in(owner: str, item: Item | None) -> PendingReviews:
    """What is under review by an item; nothing when there is none. Raises KeyError, TypeError or ValueError."""
    return PendingReviews.read(owner, item["stamp"]["S"], item["waiting"]["S"]) if item else PendingReviews(owner)


def put_of(table: str, entering: PendingReviewsUpdate) -> Item:
    """The part of a transaction that enters a grant, on condition that the others are as they were read."""
    before, after = entering
    item = item_key(after.owner) | {
        "waiting": {"S": after.text()},
        "stamp": {"S": after.stamp},
        "expires": {"N": str(max(each.until for each in after.entries))},
    }
    put: Item = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if before.stamp:
        put["ConditionExpression"] = "stamp = :stamp"
        put["ExpressionAttributeValues"] = {":stamp": {"S": before.stamp}}
    return {"Put": put}
