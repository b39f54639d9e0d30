"""The types of resources that one action acts on, put together: which of them a call names, and which it must name.

A type is [required, template...], as `jitney.core.calls.operations.ResourceTemplates` has it.
"""

import re
from typing import Any

FROM_TARGET = frozenset({"Partition", "Region", "Account", "AccountId"})
"""Variables of ARN formats that the target fills in."""

_FILLED = re.compile(r"\$\{([^}]+)\}")


def with_alternatives(types: list[Any]) -> list[Any]:
    """The types, those joined into one that the ARN in a single parameter names: it can only be of one of them."""
    kept: list[Any] = []
    by_arn: dict[str, list[Any]] = {}
    for required, *arns in types:
        holders = {arn.split()[0] for arn in arns}
        holder = holders.pop() if required and len(holders) == 1 else ""
        if holder.startswith("@") and holder in by_arn:
            by_arn[holder] += arns
            continue
        kept.append([required, *arns])
        by_arn[holder] = kept[-1]
    return kept


def without_borrowed(types: list[Any]) -> list[Any]:
    """The types without the optional ones whose names would be those of a required one.

    "Name" is that of the web ACL which UpdateWebACL changes, and not that of an IP set, on which it may act as well.
    """
    taken = {sources for required, *arns in types if required for arn in arns if (sources := _filling(arn))}
    kept = [[required, *(arn for arn in arns if required or _filling(arn) not in taken)] for required, *arns in types]
    return [each for each in kept if each[0] or len(each) > 1]


def _filling(template: str) -> frozenset[str]:
    """What fills a template's variables, other than the target; the whole of one that is filled by nothing else."""
    found = frozenset() if template.startswith("@") else frozenset(_FILLED.findall(template)) - FROM_TARGET
    return found or frozenset({template})
