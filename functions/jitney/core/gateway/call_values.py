"""The values of condition keys that the parameters of one call determine (row GW 4).

A grant requested with a call is for any value of these keys. When the call is made, each key has one value. So the call
can lie within a grant that limits the key, and policies decide about the value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from jitney.core.access.conditions import KEYS, Condition, Conditions, Operator, value_fault
from jitney.core.access.request import ExplainedAction
from jitney.core.actions import ActionTable
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex, has_wildcard

_Members: TypeAlias = Mapping[str, str]
"""The parameter that determines each condition key."""

_LISTING: _Members = {"s3:max-keys": "MaxKeys", "s3:delimiter": "Delimiter"}
_VOLUME: _Members = {"ec2:VolumeSize": "Size", "ec2:VolumeIops": "Iops"}
_DATABASE: _Members = {"rds:DatabaseClass": "DBInstanceClass", "rds:StorageSize": "AllocatedStorage"}
_MEMBERS: Mapping[tuple[str, str], _Members] = {
    **{("s3", name): _LISTING for name in ("ListObjects", "ListObjectsV2", "ListObjectVersions")},
    ("ec2", "RunInstances"): {"ec2:InstanceType": "InstanceType"},
    ("ec2", "CreateVolume"): _VOLUME,
    **{
        ("rds", name): _DATABASE for name in ("CreateDBInstance", "ModifyDBInstance", "RestoreDBInstanceFromDBSnapshot")
    },
}

READ_KEYS = frozenset({"s3:prefix", "dynamodb:LeadingKeys", *(key for members in _MEMBERS.values() for key in members)})
"""The keys whose values Jitney reads from calls through the gateway. The explanation of a call has the first two."""


def with_call_values(
    explained: Sequence[ExplainedAction],
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    table: ActionTable,
) -> tuple[ExplainedAction, ...]:
    """Return what a call needs, with the values that its parameters determine as conditions.

    The names are botocore's. A value is left out for resources whose calls do not have its key, and if no condition
    expresses it exactly. Policies then decide about every value.
    """
    found = tuple(_conditions(_MEMBERS.get((service, operation), {}), parameters))
    return tuple(part for each in explained for part in _limited(each, found, table)) if found else tuple(explained)


def _conditions(members: _Members, parameters: Mapping[str, Any]) -> Iterator[Condition]:
    for key, name in members.items():
        kind, value = KEYS[key], parameters.get(name)
        if kind.operator is Operator.AT_MOST and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and not has_wildcard(value) and not value_fault(kind, value):
            yield Condition(key, (value,))


def _limited(needed: ExplainedAction, found: Sequence[Condition], table: ActionTable) -> Iterator[ExplainedAction]:
    """Yield a part of `needed` for each set of conditions. Only the first part has `may_need`."""
    resources: dict[Conditions, list[str]] = {}
    for arn in needed.resources:
        resources.setdefault(_carried(needed, arn, found, table), []).append(arn)
    may_need = needed.may_need
    for conditions, arns in resources.items():
        yield needed._replace(resources=tuple(arns), conditions=conditions, may_need=may_need)
        may_need = ()


def _carried(needed: ExplainedAction, arn: str, found: Iterable[Condition], table: ActionTable) -> Conditions:
    action = table.get(needed.action)
    try:
        keys = action.keys_on(arn, Budget(MAX_REQUEST_STEPS)) if action else frozenset[str]()
    except PatternTooComplex:
        keys = frozenset()
    known = {each.key for each in needed.conditions}
    return tuple(
        sorted([*needed.conditions, *(each for each in found if each.family in keys and each.key not in known)])
    )
