"""Reads of a DynamoDB table: one item, many by their keys, a hundred with each call, or a query, page by page."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from jitney.adapters import clock
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

BATCH_SIZE = 100
"""DynamoDB's limit for BatchGetItem."""
PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""The longest pause before each further call, which reads the items that DynamoDB left out of the previous answer."""

Item = dict[str, Any]
"""An item, its key, or another part of a request, as botocore takes and gives it."""

NEW = "attribute_not_exists(pk)"
"""The condition of an item that must not exist."""

_log = logging.getLogger(__name__)


class TableItems:
    """The items of one kind in a table, which a subclass reads and writes."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise Problem item_unreadable if the block cannot read an item, such as one of a newer version after a rollback.

    `what` says what the item has: "the suspensions".
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        _log.error("unreadable item", extra={"item": what, "error": type(error).__name__})
        raise unreadable_item(what) from error


def unreadable_item(what: str) -> Problem:
    """Return Problem item_unreadable. `what` says what the item has."""
    fix = "Ask your platform engineer to deploy the version that wrote the item (docs/upgrades.md)."
    return Problem("item_unreadable", f"This version of Jitney cannot read {what}.", fix)


def item_key(pk: str, sk: str) -> Item:
    """Return the key of an item of the state table or the audit table."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def read_item(client: "DynamoDBClient", part: str, table: str, key: Item) -> Item | None:
    """Return the item with this key as last written, or None.

    Raises Problem unavailable, which names `part`, when DynamoDB does not answer.
    """
    with aws_errors_as_unavailable(part):
        answer: Any = client.get_item(TableName=table, Key=key, ConsistentRead=True)
    found: Item | None = answer.get("Item")
    return found


def read_items(client: "DynamoDBClient", table: str, keys: Iterable[Item]) -> list[Item]:
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
            clock.pause_up_to(pause)
    return found


def query_pages(client: "DynamoDBClient", part: str, **request: Any) -> Iterator[list[Item]]:
    """Yield the items of a query in order, one page at a time. Each page is read when it is needed.

    Raises Problem unavailable, as `read_item` does.
    """
    start: Item = {}
    while True:
        with aws_errors_as_unavailable(part):
            answer: Any = client.query(**request, **start)
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def query_items(client: "DynamoDBClient", part: str, **request: Any) -> Iterator[Item]:
    """Yield the items of a query in order, as `query_pages` reads them."""
    return chain.from_iterable(query_pages(client, part, **request))


def partition_items(client: "DynamoDBClient", table: str, partition: str, *, consistent: bool = True) -> Iterator[Item]:
    """Yield the items of a partition of the state table, as `query_pages` reads them."""
    request = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": partition}}}
    return query_items(client, "The store", TableName=table, ConsistentRead=consistent, **request)


def put_versioned(table: str, item: Item, version: str) -> Item:
    """Return the part of a transaction that writes an item, unless it changed since its `version` was read.

    The version of an item that was not there is "".
    """
    put: Item = {"TableName": table, "Item": item, "ConditionExpression": NEW}
    if version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": {"S": version}}
    return {"Put": put}
