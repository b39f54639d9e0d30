"""Shortens lists of actions with wildcards that match only requested actions.

A wildcard is exact on the date of the action table. AWS adds actions to services, so `sts:Get*` may match more actions
later. So wildcards are used only where an operator allows them, and only until the policy fits. They are never used for
the services in `NEVER`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from jitney.core.access.statements import Statement
from jitney.core.actions import ActionTable

NEVER = frozenset({"iam", "sts", "kms", "organizations", "sso", "secretsmanager", "ssm"})
"""Services where a new action could expose a whole account."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*")


def with_wildcards(statements: tuple[Statement, ...], excess: int, actions: ActionTable) -> tuple[Statement, ...]:
    """Return `statements` with wildcards until `excess` characters are saved. Wildcards that save most come first.

    A wildcard matches at least two actions of its statement, and no other action of the service. An action that occurs
    in several statements keeps its name, because `core.access.sealed_policy` joins statements by the names of actions.
    """
    repeated = {name for name, count in Counter(n for each in statements for n in each.actions).items() if count > 1}
    steps = [
        (-_saved(pattern, names), place, pattern, names)
        for place, statement in enumerate(statements)
        for pattern, names in _patterns(statement.actions, actions).items()
        if repeated.isdisjoint(names)
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
    """Return the widest patterns that match only `names`, each with the names it matches. No two patterns overlap."""
    services = {name.partition(":")[0] for name in names} - NEVER
    # IAM compares actions without regard to case.
    of_services = {service: [(a.name.lower(), a.name) for a in actions.of_service(service)] for service in services}
    found: dict[str, tuple[str, ...]] = {}
    covered: set[str] = set()
    # Shorter prefixes come first, because they match more. The names that two prefixes match never overlap in part.
    for prefix in sorted({each for name in names for each in _prefixes(name)}, key=lambda each: (len(each), each)):
        among, start = of_services.get(prefix.partition(":")[0], ()), prefix.lower()
        matched = tuple(name for folded, name in among if folded.startswith(start))
        if len(matched) > 1 and covered.isdisjoint(matched) and {*names}.issuperset(matched):
            found[f"{prefix}*"] = matched
            covered.update(matched)
    return found


def _saved(pattern: str, names: tuple[str, ...]) -> int:
    """Return how many characters `pattern` saves in a list of names, with their quotes and commas."""
    return sum(len(name) + 3 for name in names) - len(pattern) - 3


def _prefixes(name: str) -> Iterator[str]:
    """Yield every prefix of an action's name that ends at the end of a word."""
    service, _, rest = name.partition(":")
    return (f"{service}:{rest[: word.end()]}" for word in _WORD.finditer(rest))
