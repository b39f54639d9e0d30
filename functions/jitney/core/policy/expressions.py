"""The expressions of a policy in Cedar's JSON form.

https://docs.cedarpolicy.com/policies/json-format.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

# An expression is a JSON object with one member: an operator and its operands.
Expression: TypeAlias = Mapping[str, Any]

PRINCIPAL: Expression = {"Var": "principal"}
RESOURCE: Expression = {"Var": "resource"}
CONTEXT: Expression = {"Var": "context"}


def attribute(owner: Expression, name: str) -> Expression:
    """Return the expression `owner.name`."""
    return {".": {"left": owner, "attr": name}}


CALL = attribute(CONTEXT, "call")
SECONDS = attribute(CONTEXT, "durationSeconds")
ARN = attribute(RESOURCE, "arn")
TARGET = attribute(RESOURCE, "target")


def operations_of(policy: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each operator in the conditions of a policy with its operands, the outer ones first."""
    waiting = [each["body"] for each in reversed(policy["conditions"])]
    while waiting:  # not by recursion, because hundreds of || in a row nest as deep
        each = waiting.pop()
        if isinstance(each, list):
            waiting += reversed(each)
        elif isinstance(each, dict):
            yield from each.items()
            inner = (list(operands.values()) if isinstance(operands, dict) else operands for operands in each.values())
            waiting += reversed(list(inner))
