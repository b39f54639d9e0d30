"""Reads of many items of a DynamoDB table by their keys, a hundred with each call."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

BATCH_SIZE = 100
"""DynamoDB's limit for BatchGetItem."""
PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""The longest pause before each further call, which reads the items that DynamoDB left out of the previous answer."""

Item = dict[str, Any]


def read_items(
    client: "DynamoDBClient", table: str, keys: Iterable[Item], pause_up_to: Callable[[float], None]
) -> list[Item]:
    """Return the items with these distinct keys as last written, in any order. Unknown keys are missing.

    Raises Problem unavailable when DynamoDB leaves items out too often.
    """
    found: list[Item] = []
    left, pauses = list(keys), iter(PAUSES_SECONDS)
    while left:
        request: Any = {table: {"Keys": left[:BATCH_SIZE], "ConsistentRead": True}}
        answer: Any = client.batch_get_item(RequestItems=request)
        found += answer["Responses"].get(table, [])
        skipped: list[Any] = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        left = [*skipped, *left[BATCH_SIZE:]]
        if skipped:
            pause = next(pauses, None)
            if pause is None:
                raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
            pause_up_to(pause)
    return found
