"""Reads the conditions of a permission in an untrusted body."""

from typing import Any

from jitney.core.access.conditions import (
    KEYS,
    ConditionKey,
    Conditions,
    Operator,
    closest_keys,
    conditions_of,
    key_of,
    value_fault,
)
from jitney.core.access.fields import FieldErrors, escape_pointer

MAX_CONDITIONS = 10
MAX_VALUES = 50


def read_conditions(value: Any, pointer: str, faults: FieldErrors) -> Conditions:
    """Return the conditions in `value`, an object of lists of values by key. Add an error for what is wrong."""
    if not isinstance(value, dict) or not value:
        fix = 'Write an object such as {"s3:prefix": ["reports/*"]}.'
        faults.add(pointer, "The value is not an object with conditions.", fix)
        return ()
    if len(value) > MAX_CONDITIONS:
        faults.add(pointer, f"There are {len(value)} conditions.", f"Use at most {MAX_CONDITIONS}.")
        return ()
    found: dict[str, list[str]] = {}
    lower: set[str] = set()
    for name, values in value.items():
        place = f"{pointer}/{escape_pointer(name)}"
        key = key_of(name)
        if key is None:
            near = list(closest_keys(name))
            faults.add(place, f"Condition key {name[:80]!a} is not supported.", _fix(near), alternatives=near)
        elif name.lower() in lower:
            faults.add(place, "The condition key is repeated in another case.", "Write all values under one key.")
        else:
            found[name] = _values(key, values, place, faults)
        lower.add(name.lower())
    return conditions_of({name: values for name, values in found.items() if values})


def _values(key: ConditionKey, value: Any, pointer: str, faults: FieldErrors) -> list[str]:
    values = faults.items(value, pointer, 1 if key.operator is Operator.AT_MOST else MAX_VALUES)
    kept = []
    for index, each in enumerate(values):
        detail = value_fault(key, each) if isinstance(each, str) else "The value is not a string."
        if detail:
            faults.add(f"{pointer}/{index}", detail, _example(key))
        else:
            kept.append(each)
    return kept


def _example(key: ConditionKey) -> str:
    if key.operator is Operator.AT_MOST:
        return 'Write the highest number that calls may have, as a string: "100".'
    patterns = ", in which * and ? are wildcards" if key.operator.has_patterns else ", without wildcards"
    return f"Write a string{patterns}."


def _fix(near: list[str]) -> str:
    keys = (f"{each}NAME" if KEYS[each].is_family else each for each in KEYS)
    return f"Did you mean {' or '.join(near)}?" if near else f"Use one of {', '.join(keys)}."
