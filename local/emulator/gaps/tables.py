"""DynamoDB: what a condition sees of the items that a request is about."""

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

KEY = "dynamodb:LeadingKeys"

type Members = dict[str, Any]

_items: ContextVar[Iterator[list[str]] | None] = ContextVar("items", default=None)


def leading_keys() -> None:
    """AWS gives conditions the partition keys that a request names, of each item of a transaction its own.

    A query's is the value that its key condition asks for, of an index the index's. Left out here as by a scan, for
    nothing of ours uses them: the keys of batches and of PartiQL.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    _requests_name_theirs()
    _items_of_a_transaction_name_theirs()


def _requests_name_theirs() -> None:
    context_of = iam_actions.dynamodb_service_context

    def dynamodb_service_context(body: bytes) -> Members:
        context: Members = context_of(body)
        keys = _keys(_parsed(body))
        return {**context, KEY: keys} if keys else context

    iam_actions.dynamodb_service_context = dynamodb_service_context


def _items_of_a_transaction_name_theirs() -> None:
    checks_of, enforce = iam_actions.dynamodb_transaction_checks, iam_evaluator.enforce

    def dynamodb_transaction_checks(action: str, body: bytes, *more: Any) -> list[tuple[str, str]]:
        checks: list[tuple[str, str]] = checks_of(action, body, *more)
        _items.set(_transaction_keys(_parsed(body)) if checks else None)
        return checks

    def enforce_item(key: str, action: str, service: str, *more: Any, **named: Any) -> Any:
        context = named.get("service_context") or {}
        if service == "dynamodb" and "dynamodb:EnclosingOperation" in context and (items := _items.get()):
            # ministack asks once for each item, in the order of its checks.
            named["service_context"] = {**context, KEY: next(items) or None}
        return enforce(key, action, service, *more, **named)

    iam_actions.dynamodb_transaction_checks = dynamodb_transaction_checks
    iam_evaluator.enforce = enforce_item


def _transaction_keys(request: Members) -> Iterator[list[str]]:
    for item in request["TransactItems"]:
        for member in iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS:
            if isinstance(item, dict) and isinstance(item.get(member), dict) and item[member].get("TableName"):
                yield _keys(item[member])


def _parsed(body: bytes) -> Members:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _keys(operation: Members) -> list[str]:
    """The partition keys that one operation names."""
    name = _partition_key(operation)
    attributes = operation.get("Item") or operation.get("Key") or _asked_for(operation)
    value = attributes.get(name) if name and isinstance(attributes, dict) else None
    return [str(next(iter(value.values())))] if isinstance(value, dict) and value else []


def _partition_key(operation: Members) -> str | None:
    """The name of the partition key of the table, or of the index, that the operation is on."""
    table = dynamodb._tables.get(str(operation.get("TableName", "")).rpartition("/")[2]) or {}
    indexes = [*(table.get("GlobalSecondaryIndexes") or []), *(table.get("LocalSecondaryIndexes") or [])]
    schemas = {None: table.get("KeySchema", []), **{each["IndexName"]: each["KeySchema"] for each in indexes}}
    schema = schemas.get(operation.get("IndexName"), [])
    return next((each["AttributeName"] for each in schema if each["KeyType"] == "HASH"), None)


def _asked_for(query: Members) -> Members:
    """What the equalities of a query's key condition ask for, by attribute."""
    names, values = query.get("ExpressionAttributeNames") or {}, query.get("ExpressionAttributeValues") or {}
    equalities = re.findall(r"(#?\w+)\s*=\s*(:\w+)", query.get("KeyConditionExpression", ""))
    return {names.get(name, name): values.get(value) for name, value in equalities}
