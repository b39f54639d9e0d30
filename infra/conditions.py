"""The conditions that limit what a function's role allows."""

from typing import Any


def session_name_condition(sessions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The condition that limits sts:AssumeRole to sessions whose names match."""
    return {"StringLike": {"sts:RoleSessionName": list(sessions)}} if sessions else {}


def item_conditions(items: tuple[str, ...], attributes: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """The conditions that limit a statement to items whose partition keys match, and of these to some attributes.

    DynamoDB evaluates them for each item of a transaction, under the permission of its single-item operation
    (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"). ForAllValues alone is true without any value
    (IAM User Guide, "Multivalued context keys"): Null demands that there is one. The attributes are all that a request
    names: to write, in conditions, of the key. They limit no action that replaces whole items, nor what an update
    returns (DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control").
    """
    if not items:
        return {}
    conditions: dict[str, dict[str, Any]] = {"ForAllValues:StringLike": {_KEYS: list(items)}, "Null": {_KEYS: "false"}}
    if attributes:
        conditions["ForAllValues:StringEquals"] = {_ATTRIBUTES: list(attributes)}
        conditions["Null"][_ATTRIBUTES] = "false"
    return conditions


_KEYS, _ATTRIBUTES = "dynamodb:LeadingKeys", "dynamodb:Attributes"
