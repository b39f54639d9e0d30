"""IAM conditions on the permissions of the functions' roles."""

from typing import Any

from jitney.configuration.partitions import partition_in


def session_name_condition(sessions: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the condition that limits sts:AssumeRole to sessions with matching names."""
    return {"StringLike": {"sts:RoleSessionName": list(sessions)}} if sessions else {}


def via_service(service: str, region: str) -> dict[str, list[str]]:
    """Return the values of a condition StringEquals that limits a KMS key to calls of one service in a Region."""
    return {"kms:ViaService": partition_in(region).service_names(service, region)}


def item_conditions(items: tuple[str, ...], attributes: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Return the conditions that limit a statement to items with matching partition keys, and to some attributes.

    DynamoDB evaluates the conditions for each item of a transaction, under the permission for the single-item operation
    (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"). ForAllValues is also true for a key without
    values (IAM User Guide, "Multivalued context keys"), so Null requires a value.

    The attributes are the names in a request: in its key, in its conditions and in its update. These conditions do not
    limit actions that replace whole items, nor the values that an update returns (DynamoDB Developer Guide, "Using IAM
    policy conditions for fine-grained access control").
    """
    if not items:
        return {}
    conditions: dict[str, dict[str, Any]] = {"ForAllValues:StringLike": {_KEYS: list(items)}, "Null": {_KEYS: "false"}}
    if attributes:
        conditions["ForAllValues:StringEquals"] = {_ATTRIBUTES: list(attributes)}
        conditions["Null"][_ATTRIBUTES] = "false"
    return conditions


_KEYS, _ATTRIBUTES = "dynamodb:LeadingKeys", "dynamodb:Attributes"
