"""The conditions that limit what a function's role allows."""

from typing import Any


def named_only(sessions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The condition that limits sts:AssumeRole to sessions whose names match."""
    return {"StringLike": {"sts:RoleSessionName": list(sessions)}} if sessions else {}


def items_only(items: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The conditions that limit a statement to items whose partition keys match.

    DynamoDB evaluates them for each item of a transaction, under the permission of its single-item operation
    (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"). ForAllValues alone is true without any value
    (IAM User Guide, "Multivalued context keys"): Null demands that there is one.
    """
    if not items:
        return {}
    key = "dynamodb:LeadingKeys"
    return {"ForAllValues:StringLike": {key: list(items)}, "Null": {key: "false"}}
