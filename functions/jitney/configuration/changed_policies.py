"""Which policies and cases two versions write differently, for `jitney policy diff`.

A comparison of decisions can miss a difference, and shows no annotations and no cases. These changes miss nothing.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import cedarpy

from jitney.configuration.load import ConfigurationError
from jitney.configuration.policies import PolicySource
from jitney.configuration.policy_check import LoadedPolicies, read_cases, sources_of
from jitney.configuration.policy_table import TABLE
from jitney.core.policy.policy_tests import Case


class PolicyChange(NamedTuple):
    """A policy or case that differs. `change` says how, and `place` where it is: "" if it was removed.

    `decides` says whether the policy can decide differently: more than its annotations changed.
    """

    name: str
    change: str
    place: str
    decides: bool


def policy_changes(old: LoadedPolicies, new: LoadedPolicies) -> list[PolicyChange]:
    """Return the policies that the versions write differently. White space and comments make no difference."""
    before, after = sources_of(old), sources_of(new)
    found = (_changed(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys()))
    return [each for each in found if each]


def case_changes(old: LoadedPolicies, new: LoadedPolicies, env: Mapping[str, str]) -> list[PolicyChange]:
    """Return the cases that differ. If a table cannot be read, that is the only change."""
    tables: list[Mapping[str, Case]] = []
    unreadable: list[PolicyChange] = []
    for version, loaded in (("old", old), ("new", new)):
        try:
            tables.append(_cases(loaded, env))
        except ConfigurationError as error:
            first = error.problems[0]
            change = f"no case is compared, because the {version} version cannot be read: {first.wrong}; {first.fix}"
            unreadable.append(PolicyChange(TABLE, change, first.place, decides=False))
    return unreadable or list(_differing(*tables))


def _changed(name: str, old: PolicySource | None, new: PolicySource | None) -> PolicyChange | None:
    if old is None or new is None:
        place = f"{new.place.file.name}:{new.place.line}" if new else ""
        return PolicyChange(name, "added" if new else "removed", place, decides=True)
    before, after = _document(old), _document(new)
    names = sorted(each for each in before.keys() | after.keys() if before.get(each) != after.get(each))
    if not names:
        return None
    annotations = (before.get("annotations", {}), after.get("annotations", {}))
    written = sorted({key for key, _ in annotations[0].items() ^ annotations[1].items()})
    decides = names != ["annotations"] or "call_limits" in written
    parts = [*(each for each in names if each != "annotations"), *(f"@{each}" for each in written)]
    place = f"{new.place.file.name}:{new.place.line}"
    return PolicyChange(name, f"{', '.join(parts)} changed", place, decides)


def _document(source: PolicySource) -> dict[str, Any]:
    (policy,) = json.loads(cedarpy.policies_to_json_str(source.text))["staticPolicies"].values()
    return dict(policy)


def _cases(loaded: LoadedPolicies, env: Mapping[str, str]) -> dict[str, Case]:
    """Return the cases by name: none if there is no table. Raises ConfigurationError for one that cannot be read."""
    has_table = (loaded.folder / TABLE).exists()
    return {each.name: each for each in read_cases(loaded, env)} if has_table else {}


def _differing(old: Mapping[str, Case], new: Mapping[str, Case]) -> Iterator[PolicyChange]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            change = "added" if name not in old else "removed" if name not in new else "changed"
            yield PolicyChange(name, change, "", decides=False)
