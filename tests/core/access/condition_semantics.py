"""What IAM's condition operators mean, written from AWS's documentation. It shares no code with the compiler.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

type Call = Mapping[str, str | Sequence[str]]
"""The context of a call: the values of its keys. A key may have several values."""


def like(pattern: str, value: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.DOTALL) is not None


COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": like,
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "DateGreaterThan": lambda wanted, value: datetime.fromisoformat(value) > datetime.fromisoformat(wanted),
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "IpAddress": lambda wanted, value: ip_address(value) in ip_network(wanted),
}


def holds(block: Mapping[str, Mapping[str, Any]], call: Call) -> bool:
    """Return whether all conditions of a statement hold for a call."""
    return all(
        _holds(operator, [wanted] if isinstance(wanted, str) else list(wanted), _values(call, key))
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def _values(call: Call, key: str) -> list[str] | None:
    """Return the values of a key, in any case; None if the call does not have it."""
    found = next((value for name, value in call.items() if name.lower() == key.lower()), None)
    return None if found is None else [found] if isinstance(found, str) else list(found)


def _holds(operator: str, wanted: list[str], values: list[str] | None) -> bool:
    if operator == "Null":
        return (values is None) == (wanted == ["true"])
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in ("StringNotEquals", "StringNotLike", "NotIpAddress")
    compare = COMPARISONS[name.replace("Not", "")]

    def one(value: str) -> bool:
        return any(compare(each, value) for each in wanted) != negated

    if quantifier == "ForAllValues":
        return all(map(one, values or []))
    if quantifier == "ForAnyValue":
        return any(map(one, values or []))
    if values is None:
        return negated or if_exists
    assert len(values) == 1, "a key with several values needs a quantifier"
    return one(values[0])
