"""Finds what policies read of a principal.

Principals that are equal in everything that policies read get the same decisions. Most policies read only groups. So
all agents of a team share cached answers, even with agents that have requested nothing yet.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, groupby
from typing import Any

from jitney.core.identity.principal import Principal
from jitney.core.policy.expressions import PRINCIPAL
from jitney.core.policy.literals import literals_in

MOST_PAIRED = 8
"""Requesters have each pair of groups of one issuer if policies name at most this many groups."""

_COMPARISONS = frozenset({"==", "!=", "in"})
_TAG_OPERATORS = frozenset({"hasTag", "getTag"})


@dataclass(frozen=True, slots=True)
class PrincipalReads:
    """What policies read of a principal: `entities`, `attributes`, and `tags`.

    `together` has the entities of each policy as one set. `whole` is True if a policy uses the principal in a way that
    is not listed here. Then no two principals share answers.
    """

    entities: frozenset[str]
    together: frozenset[frozenset[str]]
    attributes: frozenset[str]
    tags: frozenset[str]
    whole: bool

    def key_of(self, principal: Principal) -> Hashable:
        """Return the key of a principal. Principals with equal keys get equal decisions."""
        typed = tuple((*tag, type(tag[1])) for tag in principal.tags)  # True equals 1, and policies distinguish them
        if self.whole:
            return principal, typed
        name = principal.source_identity
        return (
            principal.kind,
            principal.human is None,  # context.onBehalfOfHuman
            name if name in self.entities else "",
            principal.groups & self.entities,
            tuple((each, getattr(principal, each)) for each in sorted(self.attributes)),
            tuple(tag for tag in typed if tag[0] in self.tags),
        )


@dataclass(slots=True)
class _Found:
    entities: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    whole: bool = False


def principal_reads(policies: Iterable[Mapping[str, Any]]) -> PrincipalReads:
    """Return what all of `policies`, in Cedar's JSON form, read of principals.

    https://docs.cedarpolicy.com/policies/json-format.html
    """
    all_found = [_found_in(policy) for policy in policies]
    together = frozenset(frozenset(each.entities) for each in all_found)
    attributes = frozenset[str]().union(*(each.attributes for each in all_found))
    tags = frozenset[str]().union(*(each.tags for each in all_found))
    whole = any(each.whole for each in all_found)
    return PrincipalReads(frozenset[str]().union(*together), together, attributes, tags, whole)


def _found_in(policy: Mapping[str, Any]) -> _Found:
    found = _Found()
    scope = policy["principal"]
    for part in (scope, scope.get("in", {})):
        if "entity" in part:
            found.entities.add(part["entity"]["id"])
    for condition in policy["conditions"]:
        _read(found, condition["body"])
    return found


def group_sets(reads: Iterable[PrincipalReads]) -> list[frozenset[str]]:
    """Return sets of groups to try: none, each group, each pair, and all groups that one policy names.

    The groups of a set are of one issuer.
    """
    together = [sorted(name for name in each if "/" in name) for one in reads for each in one.together]
    groups = sorted({name for each in together for name in each})
    pairs = combinations(groups, 2) if len(groups) <= MOST_PAIRED else ()
    aliased = (groupby(each, lambda name: name.partition("/")[0]) for each in (*sorted(together), *pairs))
    sets = (frozenset(names) for each in aliased for _, names in each)
    return list(dict.fromkeys((frozenset[str](), *(frozenset({name}) for name in groups), *sets)))


def _read(found: _Found, expression: Any) -> None:
    """Add what `expression` reads. An unknown use of the principal makes it `whole`."""
    if expression == PRINCIPAL:
        found.whole = True
    elif isinstance(expression, list):
        for each in expression:
            _read(found, each)
    elif isinstance(expression, dict):
        for operator, operands in expression.items():
            if not (isinstance(operands, dict) and _read_use(found, operator, operands)):
                _read(found, list(operands.values()) if isinstance(operands, dict) else operands)


def _read_use(found: _Found, operator: str, operands: Mapping[str, Any]) -> bool:
    """Add what one operator reads of the principal. Return False for a use that cannot be added."""
    if operator == "Value" and "__entity" in operands:
        # An expression without `principal` can still test the principal: no other agent is among Cedar's entities.
        found.entities.add(operands["__entity"]["id"])
        return True
    if operands.get("left") != PRINCIPAL:
        return False
    if operator in (".", "has"):
        found.attributes.add(operands["attr"])
        return True
    if operator == "is":  # the kind is part of every key
        return "in" not in operands
    literals = literals_in(operands.get("right", {}))
    if operator in _COMPARISONS and literals:
        _read(found, operands["right"])
        return True
    if operator in _TAG_OPERATORS and literals:
        found.tags.update(literals)
        return True
    return False


def claim_literals(policies: Iterable[Mapping[str, Any]]) -> Mapping[str, frozenset[Any]]:
    """Return the literals with which `policies`, in Cedar's JSON form, compare each claim of principals, by claim.

    A pattern is represented by a text that it matches. Other uses of a claim have no literals.
    """
    return _literals(policies, _claim_of)


def attribute_literals(policies: Iterable[Mapping[str, Any]]) -> Mapping[str, frozenset[Any]]:
    """Return the literals with which `policies` compare each attribute of principals, such as `human`, by attribute.

    Patterns are represented as in `claim_literals`.
    """
    return _literals(policies, _attribute_of)


def _literals(policies: Iterable[Mapping[str, Any]], name_of: Callable[[Any], str]) -> Mapping[str, frozenset[Any]]:
    found: dict[str, set[Any]] = {}
    for policy in policies:
        for condition in policy["conditions"]:
            _compare(found, condition["body"], name_of)
    return {name: frozenset(values) for name, values in found.items()}


def _compare(found: dict[str, set[Any]], expression: Any, name_of: Callable[[Any], str]) -> None:
    """Add the literals of each operator that has an expression with a name on one side."""
    inner = expression if isinstance(expression, list) else expression.values() if isinstance(expression, dict) else ()
    for each in inner:
        _compare(found, each, name_of)
        if not isinstance(each, dict):
            continue
        sides = [each[side] for side in ("left", "right") if isinstance(each.get(side), dict)]
        for name in filter(None, map(name_of, sides)):
            literals = {literal for side in sides for literal in literals_in(side) if isinstance(literal, str | int)}
            if "pattern" in each:
                literals.add("".join("x" if part == "Wildcard" else part["Literal"] for part in each["pattern"]))
            found.setdefault(name, set()).update(literals)


def _claim_of(expression: Any) -> str:
    """Return the claim that `principal.getTag("claim").type` reads; "" for other expressions."""
    read = expression.get(".", {}).get("left", {}).get("getTag", {})
    names = literals_in(read["right"]) if read.get("left") == PRINCIPAL else []
    return str(names[0]) if names else ""


def _attribute_of(expression: Any) -> str:
    """Return the attribute that `principal.attribute` reads; "" for other expressions."""
    read = expression.get(".", {})
    return str(read["attr"]) if read.get("left") == PRINCIPAL else ""
