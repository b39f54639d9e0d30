"""The claims of generated requests, from the literals with which policies compare claims."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from jitney.core.identity.principal import ClaimTags, TagValue
from jitney.core.policy.policy_tests import CaseContext


def claim_combinations(versions: Sequence[CaseContext], most: int, reduced: set[str]) -> list[ClaimTags]:
    """Return combinations of claims: each claim absent, and with a value on each side of each literal.

    If there are more than `most`, the result has each such value alone, and "claims" is added to `reduced`.
    """
    types = {name: kind for each in versions for name, kind in each.claims.items()}
    literals: dict[str, set[Any]] = {}
    for each in versions:
        for name in each.policy_set.principal_reads.tags:
            literals.setdefault(name, set()).update(each.policy_set.claim_literals.get(name, ()))
    choices = [
        [None, *((name, value) for value in _values(types.get(name, "string"), found))]
        for name, found in sorted(literals.items())
    ]
    if prod(map(len, choices)) <= most:
        return [tuple(tag for tag in each if tag) for each in product(*choices)]
    reduced.add("claims")
    return [(), *((tag,) for tags in choices for tag in tags if tag)]


def _values(kind: str, literals: set[Any]) -> list[TagValue]:
    texts = sorted(each for each in literals if isinstance(each, str))
    match kind:
        case "long":
            numbers = {each for each in literals if isinstance(each, int)} or {0}
            return sorted({number + step for number in numbers for step in (-1, 0, 1)})
        case "bool":
            return [True, False]
        case "strings":
            return [("other",), *((text,) for text in texts)]
    return ["other", *texts]
