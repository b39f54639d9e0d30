"""The conditions that a call's parameters determine: S3's prefix and DynamoDB's partition key."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from jitney.core.access.conditions import KEYS, Conditions, conditions_of, value_fault
from jitney.core.calls.call import AwsCall
from jitney.core.patterns import has_wildcard

PREFIX, LEADING_KEYS = "s3:prefix", "dynamodb:LeadingKeys"

_EQUALS = re.compile(r"(?<![<>])=", re.ASCII)
_COMPARED = re.compile(r"(?<![\w:#.-])#?\w[\w.-]*\s*=\s*(:\w+)", re.ASCII)


class Narrowing(NamedTuple):
    """The conditions on an action, and a note about them or about why there are none. The note may be ""."""

    conditions: Conditions = ()
    note: str = ""


def narrowing(action: str, call: AwsCall) -> Narrowing:
    """Return the conditions that the call's parameters determine for one of its actions."""
    read = _READERS.get((call.operation.service, call.operation.name, action))
    return read(call.parameters) if read else Narrowing()


def listed_prefix(prefix: str) -> Narrowing:
    """Return the condition of listing `prefix` of a bucket. "" lists the whole bucket, without a condition."""
    if not prefix:
        return Narrowing(note="for the whole bucket, because no prefix is named")
    return _exactly(
        PREFIX,
        [prefix],
        "only with exactly this prefix",
        "for the whole bucket, because IAM cannot name the prefix exactly",
    )


def _prefix(parameters: Mapping[str, Any]) -> Narrowing:
    given = parameters.get("Prefix", "")
    if not isinstance(given, str):
        return Narrowing(note="for the whole bucket, because the call does not contain the prefix")
    return listed_prefix(given)


def _item_key(parameters: Mapping[str, Any]) -> Narrowing:
    key = parameters.get("Key")
    return _leading_keys(key.values() if isinstance(key, Mapping) else ())


def _query(parameters: Mapping[str, Any]) -> Narrowing:
    """Read the partition key from the expression, which must compare it by `=`. Queries of an index are left out.

    Each `=` must have a name on its left. With a value on its left, an `=` could compare the partition key, too.
    """
    expression, values = parameters.get("KeyConditionExpression"), parameters.get("ExpressionAttributeValues")
    if "IndexName" in parameters or not isinstance(expression, str) or not isinstance(values, Mapping):
        return _leading_keys(())
    compared = _COMPARED.findall(expression)
    return _leading_keys(map(values.get, compared) if len(compared) == len(_EQUALS.findall(expression)) else ())


def _leading_keys(values: Iterable[Any]) -> Narrowing:
    """Return the condition for the possible values of the partition key: one, or two if there is a sort key."""
    held = [value.get("S") if isinstance(value, Mapping) and len(value) == 1 else None for value in values]
    texts = [text for text in held if isinstance(text, str)]
    if not texts or len(texts) < len(held):
        return Narrowing(note="for all partition keys, because the call does not name one as a string")
    only = "only for this partition key" if len(texts) == 1 else "only for partition keys with one of these values"
    return _exactly(LEADING_KEYS, texts, only, "for all partition keys, because IAM cannot name this one exactly")


def _exactly(key: str, values: Iterable[str], only: str, otherwise: str) -> Narrowing:
    """Return the condition, unless a value is a pattern for IAM or IAM cannot hold it."""
    given = list(values)
    if any(has_wildcard(value) or value_fault(KEYS[key], value) for value in given):
        return Narrowing(note=otherwise)
    return Narrowing(conditions_of({key: given}), only)


_READERS: Mapping[tuple[str, str, str], Callable[[Mapping[str, Any]], Narrowing]] = {
    **{("s3", name, "s3:ListBucket"): _prefix for name in ("ListObjects", "ListObjectsV2")},
    ("s3", "ListObjectVersions", "s3:ListBucketVersions"): _prefix,
    **{("dynamodb", name, f"dynamodb:{name}"): _item_key for name in ("GetItem", "DeleteItem", "UpdateItem")},
    ("dynamodb", "Query", "dynamodb:Query"): _query,
}
