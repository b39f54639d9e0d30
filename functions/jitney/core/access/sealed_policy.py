"""Sealed session policies: Deny statements that leave only what was granted, even if a resource allows more.

A resource policy in the same account that names a session, or everyone, allows calls that the session policy does not
allow. Only an explicit Deny overrides it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource-id.html

One statement denies every other action. Here, the grants of an action are sets of resources, each with conditions. For
each subset of an action's grants there is one statement. It denies calls on resources that no grant outside of the
subset has, unless they satisfy the conditions of a grant in the subset.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from math import prod
from typing import Any, TypeAlias

from jitney.core.access.conditions import Condition, Conditions, Operator, negated_blocks
from jitney.core.access.statements import Statement, one_or_many
from jitney.core.problems import Problem

Block: TypeAlias = Mapping[str, Mapping[str, Any]]
"""A Condition element: values by operator and key."""
Grants: TypeAlias = tuple[tuple[tuple[str, ...], tuple[Conditions, ...]], ...]
"""What one action is granted: sets of resources, each with alternative conditions."""

MAX_STATEMENTS = 32
"""The most statements for one action.

The number doubles with each set of resources with conditions, and with each alternative with two conditions.
"""
_UNITED = ("StringNotEquals", "StringNotLike")
_ENDING = "DateGreaterThan"


def sealing_statements(statements: Sequence[Statement]) -> tuple[dict[str, Any], ...]:
    """Return the Deny statements that leave exactly what `statements` allow.

    A statement names its actions, or all other granted actions as NotAction if that is shorter.

    Raises Problem request_invalid if no Deny statement can express the conditions.
    """
    by_action: dict[str, dict[tuple[str, ...], list[Conditions]]] = {}
    spellings: dict[str, str] = {}
    for statement in statements:
        conditions = _spelled(statement.conditions, spellings)
        for name in statement.actions:
            by_action.setdefault(name, {}).setdefault(statement.resources, []).append(conditions)
    alike: dict[Grants, list[str]] = {}
    for name in sorted(by_action):
        grants = tuple((arns, tuple(alternatives)) for arns, alternatives in by_action[name].items())
        alike.setdefault(grants, []).append(name)
    others = {"Effect": "Deny", "NotAction": one_or_many(tuple(sorted(by_action))), "Resource": "*"}
    return (
        others,
        *(
            {"Effect": "Deny", **_only(tuple(names), by_action), **rest}
            for grants, names in alike.items()
            for rest in _ungranted(grants)
        ),
    )


def _spelled(conditions: Conditions, spellings: dict[str, str]) -> Conditions:
    """Return the conditions with each key in the case of its first occurrence. IAM ignores the case of tag keys."""
    keyed = ((each, spellings.setdefault(each.key.lower(), each.key)) for each in conditions)
    return tuple(sorted(Condition(key, each.values) for each, key in keyed))


def sealed_services(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return one Allow of every service in `statements`, for a policy whose denials leave only what was granted."""
    services = sorted({f"{name.partition(':')[0]}:*" for statement in statements for name in statement.actions})
    return {"Effect": "Allow", "Action": one_or_many(tuple(services)), "Resource": "*"}


def except_for(statement: dict[str, Any], action: str) -> dict[str, Any]:
    """Return `statement` of a sealed policy without its denial of `action` before the session's end."""
    if statement["Effect"] == "Allow" or _ENDING in statement.get("Condition", {}):
        return statement
    if statement.get("Action", "*") != "*":
        return statement
    rest = {name: value for name, value in statement.items() if name != "Action"}
    return {**rest, "NotAction": one_or_many(tuple(sorted({*_many(statement.get("NotAction", ())), action})))}


def _only(names: tuple[str, ...], granted: Mapping[str, Any]) -> dict[str, Any]:
    others = tuple(sorted(set(granted).difference(names)))
    if not others:
        return {"Action": "*"}
    return (
        {"NotAction": one_or_many(others)}
        if _size(others) + len("Not") < _size(names)
        else {"Action": one_or_many(names)}
    )


def _size(names: tuple[str, ...]) -> int:
    """Return the characters of a list of names: their quotes and commas, and its brackets unless it has one name."""
    return sum(map(len, names)) + 3 * len(names) + (1 if len(names) > 1 else -1)


def _ungranted(grants: Grants) -> Iterator[dict[str, Any]]:
    """Yield the resources and conditions of Deny statements that leave exactly `grants` of their actions."""
    conditional = [(arns, _united(alternatives)) for arns, alternatives in grants if () not in alternatives]
    unmet = {arns: [negated_blocks(each) for each in alternatives] for arns, alternatives in conditional}
    if prod(1 + prod(map(len, blocks)) for blocks in unmet.values()) > MAX_STATEMENTS:
        raise _inexpressible(sorted({each.key for _, united in conditional for all_of in united for each in all_of}))
    for chosen in chain.from_iterable(combinations(unmet, size) for size in range(len(unmet) + 1)):
        outside = tuple(sorted({arn for arns, _ in grants if arns not in chosen for arn in arns}))
        if "*" in outside:
            continue
        place = {"NotResource": one_or_many(outside)} if outside else {"Resource": "*"}
        for blocks in product(*(each for arns in chosen for each in unmet[arns])):
            condition = _together(blocks)
            yield {**place, "Condition": condition} if condition else place


def _united(alternatives: Iterable[Conditions]) -> tuple[Conditions, ...]:
    """Return the alternatives. If two differ in only one key, they become one with the values of both."""
    found: list[Conditions] = []
    for conditions in alternatives:
        new = conditions
        while before := next((each for each in found if _differ_in_one(each, new)), None):
            found.remove(before)
            new = tuple(_either(one, other) for one, other in zip(before, new, strict=True))
        found.append(new)
    return tuple(found)


def _differ_in_one(one: Conditions, other: Conditions) -> bool:
    if [each.key for each in one] != [each.key for each in other]:
        return False
    changed = [left for left, right in zip(one, other, strict=True) if left != right]
    # ALL_LIKE: all values match one list, or all match the other. In a united list, each could match either.
    return len(changed) == 1 and changed[0].operator in (Operator.EQUALS, Operator.LIKE)


def _either(one: Condition, other: Condition) -> Condition:
    return Condition(one.key, tuple(sorted({*one.values, *other.values})))


def _together(blocks: Iterable[Block]) -> dict[str, dict[str, Any]]:
    """Return one condition block that holds if all of `blocks` hold. Raises Problem request_invalid."""
    joined: dict[str, dict[str, Any]] = {}
    for operator, key, values in ((o, k, v) for block in blocks for o, keys in block.items() for k, v in keys.items()):
        held = joined.setdefault(operator, {})
        before: Any = held.get(key, values)
        if operator in _UNITED:
            held[key] = one_or_many(tuple(sorted({*_many(before), *_many(values)})))
        elif operator == "NumericGreaterThanIfExists":
            held[key] = max(before, values, key=int)
        elif before == values:
            held[key] = values
        else:
            raise _inexpressible([key])
    return joined


def _many(values: str | Sequence[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


def _inexpressible(keys: Sequence[str]) -> Problem:
    return Problem(
        "request_invalid",
        f"The target seals its sessions, and no Deny statements express these conditions on {', '.join(keys)}.",
        "Make one request for each set of conditions.",
    )
