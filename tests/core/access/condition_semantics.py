"""What IAM's condition operators mean, written from AWS's documentation. It shares no code with the compiler.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

type Call = Mapping[str, str | Sequence[str]]
"""The context of a call: the values of its keys. A key may have several values."""


class Folded(dict[str, str | Sequence[str]]):
    """A context with its keys in lower case."""


def folded(call: Call) -> Folded:
    """Return the context with its keys in lower case, because keys are the same in any case."""
    return call if isinstance(call, Folded) else Folded((name.lower(), value) for name, value in call.items())


@lru_cache(maxsize=10_000)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def like(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": like,
    "ArnEquals": like,
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "DateLessThanEquals": lambda wanted, value: datetime.fromisoformat(value) <= datetime.fromisoformat(wanted),
    "DateGreaterThan": lambda wanted, value: datetime.fromisoformat(value) > datetime.fromisoformat(wanted),
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "IpAddress": lambda wanted, value: ip_address(value) in ip_network(wanted),
}


def holds(block: Mapping[str, Mapping[str, Any]], call: Call) -> bool:
    """Return whether all conditions of a statement hold for a call."""
    if not block:
        return True
    given = folded(call)
    return all(
        _holds(operator, _texts(wanted), None if (found := given.get(key.lower())) is None else _texts(found))
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@lru_cache(maxsize=100_000)
def _holds(operator: str, wanted: tuple[str, ...], values: tuple[str, ...] | None) -> bool:
    if operator == "Null":
        return (values is None) == (wanted == ("true",))
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in ("StringNotEquals", "StringNotLike", "NotIpAddress")
    compare = COMPARISONS[name.replace("Not", "")]

    def one(value: str) -> bool:
        return any(compare(each, value) for each in wanted) != negated

    if quantifier == "ForAllValues":
        return all(map(one, values or ()))
    if quantifier == "ForAnyValue":
        return any(map(one, values or ()))
    if values is None:
        return negated or if_exists
    assert len(values) == 1, "a key with several values needs a quantifier"
    return one(values[0])
