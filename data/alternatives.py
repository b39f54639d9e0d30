"""Combines the resource types of one action: which of them a call names, and which it must name.

A type is [required, template...], as in `jitney.core.calls.operations.ResourceTemplates`.
"""

import re
from typing import Any

FROM_TARGET = frozenset({"Partition", "Region", "Account", "AccountId"})
"""Variables of ARN formats that the target fills in."""

OPEN = "open"
"""The transform of a parameter whose value is a name, where the ARN has an id that AWS chose."""

_FILLED = re.compile(r"\$\{([^}]+)\}")


def with_alternatives(types: list[Any]) -> list[Any]:
    """Return the types. Required types whose ARN comes from the same parameter become one, because it holds one ARN."""
    kept: list[Any] = []
    by_arn: dict[str, list[Any]] = {}
    for required, *arns in types:
        holders = {arn.split()[0] for arn in arns if f"|{OPEN}}}" not in arn}
        holder = holders.pop() if required and len(holders) == 1 else ""
        if holder.startswith("@") and holder in by_arn:
            by_arn[holder] += arns
            continue
        kept.append([required, *arns])
        by_arn[holder] = kept[-1]
    return kept


def without_borrowed(types: list[Any]) -> list[Any]:
    """Return the types without optional types whose name comes from the same parameters as a required type's name.

    For example, "Name" is the web ACL that UpdateWebACL changes. It is not an IP set, which the action may also act on.
    """
    taken = {sources for required, *arns in types if required for arn in arns if (sources := _filling(arn))}
    kept = [[required, *(arn for arn in arns if required or _filling(arn) not in taken)] for required, *arns in types]
    return [each for each in kept if each[0] or len(each) > 1]


def _filling(template: str) -> frozenset[str]:
    """Return the parameters that fill a template. If only the target fills it, return the whole template."""
    found = frozenset() if template.startswith("@") else frozenset(_FILLED.findall(template)) - FROM_TARGET
    return found or frozenset({template})


def open_template(arn_format: str, name: str = "") -> str:
    """Return a template of all resources of a type, for a parameter whose value does not show which one it is."""
    variables = dict.fromkeys(found[1] for found in _FILLED.finditer(arn_format) if found[1])
    text, fill = arn_format, f"${{{name}|{OPEN}}}" if name else "${=*}"
    for variable in (each for each in variables if each not in FROM_TARGET):
        text, fill = text.replace(f"${{{variable}}}", fill), "${=*}"
    return text
