"""Wildcards for actions: only where they stand for nothing but what was asked, as of the action table's date.

AWS adds actions to services: what `sts:Get*` stands for today is less than what it may stand for tomorrow. So they are
used only where an operator allows them and only as far as a policy needs them to fit, and never in `NEVER`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from jitney.core.access.statements import Statement
from jitney.core.actions import ActionTable

NEVER = frozenset({"iam", "sts", "kms", "organizations", "sso", "secretsmanager", "ssm"})
"""Services where a new action can be worth a whole account."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*")


def with_wildcards(statements: tuple[Statement, ...], excess: int, actions: ActionTable) -> tuple[Statement, ...]:
    """`statements` with the wildcards that save most, one after the other, until `excess` characters are saved.

    A wildcard stands, over the whole service, for two or more actions of the statement and for no other.
    """
    steps = [
        (-_saved(pattern, names), place, pattern, names)
        for place, statement in enumerate(statements)
        for pattern, names in _patterns(statement.actions, actions).items()
    ]
    shorter = list(statements)
    for lost, place, pattern, names in sorted(steps):
        if excess <= 0:
            break
        kept = {*shorter[place].actions}.difference(names) | {pattern}
        shorter[place] = replace(shorter[place], actions=tuple(sorted(kept)))
        excess += lost
    return tuple(shorter)


def _patterns(names: tuple[str, ...], actions: ActionTable) -> dict[str, tuple[str, ...]]:
    """The widest patterns that stand for nothing but `names`, with what they stand for; no two overlap."""
    services = {name.partition(":")[0] for name in names} - NEVER
    # IAM compares actions without regard to case.
    of_services = {service: [(a.name.lower(), a.name) for a in actions.of_service(service)] for service in services}
    found: dict[str, tuple[str, ...]] = {}
    covered: set[str] = set()
    # Shorter beginnings come first: two of them are disjoint, or one holds the other.
    for beginning in sorted({each for name in names for each in _beginnings(name)}, key=lambda each: (len(each), each)):
        among, start = of_services.get(beginning.partition(":")[0], ()), beginning.lower()
        matched = tuple(name for folded, name in among if folded.startswith(start))
        if len(matched) > 1 and covered.isdisjoint(matched) and {*names}.issuperset(matched):
            found[f"{beginning}*"] = matched
            covered.update(matched)
    return found


def _saved(pattern: str, names: tuple[str, ...]) -> int:
    """The characters that `pattern` saves in a list of names, each with its quotes and comma."""
    return sum(len(name) + 3 for name in names) - len(pattern) - 3


def _beginnings(name: str) -> Iterator[str]:
    """Every beginning of an action's name that ends with a word of it."""
    service, _, rest = name.partition(":")
    return (f"{service}:{rest[: word.end()]}" for word in _WORD.finditer(rest))
