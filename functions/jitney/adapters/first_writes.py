"""Items that only the first writer writes.

The AWS SDK repeats a write whose answer was lost. If the first attempt took effect, the condition of the repeat fails,
as for a second writer. So each write has a name, and a failed condition returns the item. The name in the item shows
whose write took effect.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jitney.adapters import clock
from jitney.adapters.table_reads import NEW

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

WRITTEN_BY = "written_by"
"""The attribute with the name of the write."""


def put_first(client: "DynamoDBClient", table: str, item: dict[str, Any]) -> bool:
    """Write the item unless it exists. Return whether this call wrote it.

    Raises the errors of botocore, except for the failed condition.
    """
    write = new_write()
    try:
        client.put_item(
            TableName=table,
            Item={**item, WRITTEN_BY: {"S": write}},
            ConditionExpression=NEW,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        return own_item(error, write) is not None
    return True


def new_write() -> str:
    """Return a name for a write."""
    return clock.new_id("w")


def own_item(error: ClientError, write: str) -> dict[str, Any] | None:
    """Return the item that made a condition fail, if the write of this name wrote it, or else None.

    The write needs `ReturnValuesOnConditionCheckFailure`, so that the error has the item.
    """
    item: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
    return item if item.get(WRITTEN_BY) == {"S": write} else None
