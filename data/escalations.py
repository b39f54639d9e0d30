"""Privilege escalations from cloudsplaining and escalations.yaml, joined with the action table."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.actions import AccessLevel, ActionTable

LOOKING = frozenset({AccessLevel.LIST, AccessLevel.READ})


class Method(NamedTuple):
    """One escalation: the canonical names of the actions that escalate together, and who describes it."""

    name: str
    actions: tuple[str, ...]
    source: str


class Escalations(NamedTuple):
    """The escalations that count, the names that AWS does not have, and why other escalations are left out."""

    methods: tuple[Method, ...]
    unknown: tuple[str, ...]
    left_out: tuple[str, ...]

    def rows(self) -> list[list[Any]]:
        """Return the escalations in the form of the action table, single actions first."""
        return [[name, source, list(actions)] for name, actions, source in self.methods]


def escalations(lists: Mapping[str, Any], ours: Mapping[str, Any], table: ActionTable) -> Escalations:
    """Join the escalations in cloudsplaining's `lists` and in `ours` (escalations.yaml). None contains another.

    Actions that only look (List or Read) are left out of an escalation. For example, an agent may know an instance's id
    without asking AWS. An escalation with an action that AWS does not have is impossible.
    """
    found: list[Method] = []
    unknown: set[str] = set(unknown_of(lists, table))
    left_out: list[str] = []
    for name, source, names in _described(lists, ours):
        actions = [table.get(each) for each in names]
        missing = [each for each, action in zip(names, actions, strict=True) if action is None]
        unknown |= set(missing)
        if missing:
            left_out.append(f"{name}: AWS has no {', '.join(missing)}")
        else:
            acting = tuple(action.name for action in actions if action and action.level not in LOOKING)
            found.append(Method(name, acting, source))
    shortest = sorted(found, key=lambda method: len(method.actions))
    counted: list[Method] = []
    for method in shortest:
        inner = next((each for each in counted if set(each.actions) <= set(method.actions)), None)
        if inner:
            left_out.append(f"{method.name}: it contains {inner.name}")
        else:
            counted.append(method)
    return Escalations(tuple(counted), tuple(sorted(unknown)), tuple(left_out))


def unknown_of(lists: Mapping[str, Any], table: ActionTable) -> Iterator[str]:
    """Yield the names in cloudsplaining's lists of single actions that AWS does not have."""
    for key in ("ACTIONS_THAT_RETURN_CREDENTIALS", "READ_ONLY_DATA_EXFILTRATION_ACTIONS"):
        yield from (name for name in lists[key] if table.get(name) is None)


def faults(found: Escalations, reviewed: Iterable[str]) -> list[str]:
    """Return why the escalations must not be used: unreviewed names that AWS does not have."""
    unreviewed, gone = set(found.unknown) - set(reviewed), set(reviewed) - set(found.unknown)
    return [
        *(
            f"AWS has no {name}, which a list of risks names: review it in escalations.yaml"
            for name in sorted(unreviewed)
        ),
        *(f"escalations.yaml says that AWS has no {name}, but it has or nothing names it" for name in sorted(gone)),
    ]


def _described(lists: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    paths, otherwise = lists["PRIVILEGE_ESCALATION_PATHFINDING_PATHS"], lists["PRIVILEGE_ESCALATION_GLOSSARY_URL"]
    for name, actions in lists["PRIVILEGE_ESCALATION_METHODS"].items():
        yield name, paths.get(name) or otherwise, actions
    for name, method in ours["methods"].items():
        yield name, method["source"], method["actions"]
