"""Outstanding follow-up reviews in the state table: `pk` FOLLOW_UP, `sk` the digest of the person or the unit.

`grant_id` is the grant. Each use of break-glass has two items: one for the person, one for the unit. They are written
and deleted in the transaction that changes the grant (`jitney.adapters.store`). `expires` is the time when the grant
itself is deleted.
"""

from collections.abc import Iterator
from typing import Any

from jitney.adapters.table_reads import NEW, TableItems, item_key, partition_items, readable
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant
from jitney.core.review.break_glass import follow_up_keys

FOLLOW_UP = "FOLLOW_UP"


class FollowUps(TableItems):
    """Reads outstanding follow-up reviews. Raises Problem unavailable when DynamoDB does not answer.

    Raises Problem item_unreadable as `readable`.
    """

    def outstanding(self) -> dict[str, str]:
        """Return the grant ids by person and unit, under the names of `core.review.break_glass.follow_up_keys`."""
        items = partition_items(self._client, self._table, FOLLOW_UP)
        with readable("the outstanding follow-up reviews"):
            return {item["sk"]["S"]: item["grant_id"]["S"] for item in items}


def changes_of(table: str, before: Grant, after: Grant) -> Iterator[dict[str, Any]]:
    """Yield the transaction items that add a use of break-glass, or that delete it after its follow-up review."""
    if after.break_glass and not before.break_glass:
        for key in follow_up_keys(after, after.break_glass.human):
            item = item_key(FOLLOW_UP, key) | {
                "grant_id": {"S": after.id},
                "expires": {"N": str(after.expires_at + GRANT_RETENTION_SECONDS)},
            }
            yield {"Put": {"TableName": table, "Item": item, "ConditionExpression": NEW}}
    if after.break_glass and after.follow_up and not before.follow_up:
        for key in follow_up_keys(after, after.break_glass.human):
            mine = {
                "ConditionExpression": "attribute_not_exists(pk) OR grant_id = :grant",
                "ExpressionAttributeValues": {":grant": {"S": after.id}},
            }
            yield {"Delete": {"TableName": table, "Key": item_key(FOLLOW_UP, key), **mine}}
