"""DynamoDB: what conditions see of the items in a request."""

import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

from local.emulator.gaps.replacement import replaces

type Members = dict[str, Any]
type Names = Callable[[Members], list[str]]
"""Maps one operation (a request, or an item of a transaction) to the names in it."""


def leading_keys() -> None:
    """Conditions can use the partition keys in a request. Each item of a transaction has its own value.

    For a query, it is the value that the key condition requires. For an index, it is the value of the index's key. A
    batch of reads has the keys of all its items. Two kinds are left out here, because Jitney uses neither: the keys of
    batches of writes and of PartiQL.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    _add_condition_key("dynamodb:LeadingKeys", _keys)


def attributes() -> None:
    """Conditions can use every attribute that a request names: to write, to compare, to return, or in its key.

    A path counts as its first part. An update's attributes are in its expressions, or in the older parameters
    AttributeUpdates and Expected. Batches and PartiQL are left out as above.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    _add_condition_key("dynamodb:Attributes", _attributes)


def _add_condition_key(key: str, names: Names) -> None:
    """Set the condition key `key`, for requests and for each item of a transaction."""
    _of_requests(key, names)
    _of_items_of_a_transaction(key, names)


def _of_requests(key: str, names: Names) -> None:

    @replaces(iam_actions, "dynamodb_service_context")
    def dynamodb_service_context(context_of: Any, body: bytes) -> Members:
        context: Members = context_of(body)
        found = names(_parsed(body))
        return {**context, key: found} if found else context


def _of_items_of_a_transaction(key: str, names: Names) -> None:
    items: ContextVar[Iterator[Members] | None] = ContextVar(key, default=None)

    @replaces(iam_actions, "dynamodb_transaction_checks")
    def dynamodb_transaction_checks(checks_of: Any, action: str, body: bytes, *more: Any) -> list[tuple[str, str]]:
        checks: list[tuple[str, str]] = checks_of(action, body, *more)
        items.set(_operations(_parsed(body)) if checks else None)
        return checks

    @replaces(iam_evaluator, "enforce")
    def enforce_item(enforce: Any, caller: str, action: str, service: str, *more: Any, **named: Any) -> Any:
        context = named.get("service_context") or {}
        if service == "dynamodb" and "dynamodb:EnclosingOperation" in context and (operations := items.get()):
            # ministack asks once for each item, in the order of its checks.
            named["service_context"] = {**context, key: names(next(operations)) or None}
        return enforce(caller, action, service, *more, **named)


def _operations(request: Members) -> Iterator[Members]:
    for item in request["TransactItems"]:
        for member in iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS:
            if isinstance(item, dict) and isinstance(item.get(member), dict) and item[member].get("TableName"):
                yield item[member]


def _parsed(body: bytes) -> Members:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _keys(operation: Members) -> list[str]:
    """Return the partition keys that one operation names."""
    if isinstance(batch := operation.get("RequestItems"), dict):
        return [key for each in _reads(batch) for key in _keys(each)]
    name = _partition_key(operation)
    attributes = operation.get("Item") or operation.get("Key") or _equalities(operation)
    value = attributes.get(name) if name and isinstance(attributes, dict) else None
    return [str(next(iter(value.values())))] if isinstance(value, dict) and value else []


def _reads(batch: Members) -> Iterator[Members]:
    for table, part in batch.items():
        for key in part.get("Keys") or () if isinstance(part, dict) else ():
            yield {"TableName": table, "Key": key}


def _partition_key(operation: Members) -> str | None:
    """Return the name of the partition key of the operation's table or index."""
    table = dynamodb._tables.get(str(operation.get("TableName", "")).rpartition("/")[2]) or {}
    indexes = [*(table.get("GlobalSecondaryIndexes") or []), *(table.get("LocalSecondaryIndexes") or [])]
    schemas = {None: table.get("KeySchema", []), **{each["IndexName"]: each["KeySchema"] for each in indexes}}
    schema = schemas.get(operation.get("IndexName"), [])
    return next((each["AttributeName"] for each in schema if each["KeyType"] == "HASH"), None)


def _equalities(query: Members) -> Members:
    """Return the values that a query's key condition requires, by attribute."""
    names, values = query.get("ExpressionAttributeNames") or {}, query.get("ExpressionAttributeValues") or {}
    equalities = re.findall(r"(#?\w+)\s*=\s*(:\w+)", query.get("KeyConditionExpression", ""))
    return {names.get(name, name): values.get(value) for name, value in equalities}


_EXPRESSIONS = (
    "UpdateExpression",
    "ConditionExpression",
    "ProjectionExpression",
    "FilterExpression",
    "KeyConditionExpression",
)
_BY_NAME = ("Item", "Key", "AttributeUpdates", "Expected", "QueryFilter", "ScanFilter", "KeyConditions")
# Reserved words cannot be names in expressions, and neither can these.
_WORDS = frozenset({"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"})


def _attributes(operation: Members) -> list[str]:
    """Return the attributes that one operation names, each once."""
    found = [name for member in _BY_NAME for name in operation.get(member) or ()]
    found += operation.get("AttributesToGet") or ()
    names = operation.get("ExpressionAttributeNames") or {}
    for member in _EXPRESSIONS:
        found += _in_expression(str(operation.get(member) or ""), names)
    return list(dict.fromkeys(map(str, found)))


def _in_expression(expression: str, names: Members) -> Iterator[str]:
    """Yield the attributes in an expression: words that are neither a later part of a path nor a function."""
    tokens = dynamodb._tokenize(expression)
    for (before, _), (kind, word), (after, _) in zip([("", ""), *tokens], tokens, tokens[1:], strict=False):
        if before == "DOT" or after == "LPAREN":
            continue
        if kind == "NAME_REF" or (kind == "IDENT" and word.upper() not in _WORDS):
            yield str(names.get(word, word))
