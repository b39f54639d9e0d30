"""Which supported condition keys the calls of an action carry, from iam-data."""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.conditions import KEYS

GENERAL = ""
"""Stands for all resources, in place of a type."""


def condition_keys(action: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the supported keys by lower-case type of resource, and those for all resources under `GENERAL`.

    A service lists a type's keys with each action, as EC2 does, or once with the type. Keys of the type count only
    where no type of the action has keys of its own: RunInstances creates an instance, which has no tags yet.
    """
    own = {kind["name"].lower(): _supported(kind.get("conditionKeys", ())) for kind in action["resourceTypes"]}
    if not any(kind.get("conditionKeys") for kind in action["resourceTypes"]):
        by_type = {name.lower(): each.get("conditionKeys", ()) for name, each in types.items()}
        own = {name: _supported(by_type[name]) for name in own}
    return {GENERAL: _supported(action.get("conditionKeys", ())), **own}


def _supported(names: Any) -> frozenset[str]:
    """Return the names in the form of `KEYS`: "aws:ResourceTag/" for "aws:ResourceTag/${TagKey}"."""
    return frozenset(name.partition("${")[0] for name in names) & KEYS.keys()
