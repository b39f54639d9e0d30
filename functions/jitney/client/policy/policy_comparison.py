"""Compares two versions of policies by their decisions. Needs the extra `policy`."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jitney.client.audit.record_lines import ReadingProgress, is_folder
from jitney.client.policy.policy_access import CONFIGURATION, loaded_policies
from jitney.client.terminal.policy_screen import KindsTable
from jitney.configuration.affected_state import affected_state
from jitney.configuration.changed_policies import case_changes, policy_changes
from jitney.configuration.changed_settings import changed_deployment, changed_settings
from jitney.configuration.operation_names import operation_names
from jitney.configuration.policy_check import changed_policies, permits_of
from jitney.core.access.conditions import conditions_view
from jitney.core.policy.decision_space import SpaceRequest, decision_space
from jitney.core.policy.policy_diff import VersionAnswer, compare
from jitney.core.quantities import format_list
from jitney.core.review.safe_text import middle_cut
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role

TITLE = "The policies were not compared"
MOST_REDUCED = 3
"""How many parts of a request the row `reduced` names."""
MOST_SETTINGS, MOST_VALUE = 60, 60
"""How many changed policies, cases and settings the text shows, and how many characters of each value."""
_DECIDING = {
    "limits": {"max_duration_seconds", "min_duration_seconds", "max_pairs"},
    "targets": {
        "account", "region", "tags", "max_duration_seconds", "access_profiles", "other_accounts", "other_regions",
        "any_account_actions", "any_region_actions",
    },
}  # fmt: skip
"""The settings, by section, on which the decisions about a request depend."""
_COLUMNS = ("count", "old", "new", "groups", "target", "action", "resource", "with")


def compare_versions(old: Path, config: Path | None, most: int, progress: ReadingProgress) -> dict[str, Any]:
    """Return the differences between the configurations `old` and `config` as JSON.

    A target that has another alias in `config` is compared under that alias. Raises Invalid if a configuration cannot
    be loaded.
    """
    file = old / CONFIGURATION if is_folder(old) else old
    versions = loaded_policies(file, TITLE), loaded_policies(config, TITLE)
    before, after = (each.context for each in versions)
    configurations = [each.config for each in versions]
    changes = *changed_settings(*configurations), *changed_deployment(*(each.settings for each in versions))
    renamed = _renamed(before.targets, after.targets)
    old_aliases = before.targets.keys() - {each.alias for each in renamed.values()}
    before = replace(before, targets={**before.targets, **renamed})
    space = decision_space((before, after), operation_names())
    texts = changed_policies(*versions), permits_of(*versions)
    found = compare(before, after, space, most, lambda count, whole: progress("comparing", count, whole), *texts)
    return {
        "old_version": before.policy_set.version,
        "new_version": after.policy_set.version,
        "compared": found.compared,
        "size": found.size,
        "reduced": sorted(found.reduced),
        "differences": [
            {"count": each.count, "old": _answer(each.old), "new": _answer(each.new), "example": _example(each.example)}
            for each in found.differences
        ],
        "other_policies": found.other_policies,
        "only_old_targets": sorted(old_aliases - after.targets.keys()),
        "only_new_targets": sorted(after.targets.keys() - before.targets.keys()),
        "affected_state": [each._asdict() for each in affected_state(*configurations)],
        "changed_policies": [each._asdict() for each in policy_changes(*versions)],
        "changed_cases": [each._asdict() for each in case_changes(*versions, os.environ)],
        "changed_settings": [each._asdict() for each in changes],
    }


def may_hide_differences(result: Mapping[str, Any]) -> bool:
    """Return whether requests that were not compared may be decided differently."""
    changed = any(each["decides"] for each in result["changed_policies"])
    changed = changed or any(_decides(each["setting"]) for each in result["changed_settings"])
    return changed and bool(result["compared"] < result["size"] or result["reduced"])


def _decides(setting: str) -> bool:
    """Return whether decisions depend on a setting."""
    section, *rest = setting.split(".")
    return not _DECIDING.get(section, set()).isdisjoint(rest[-1:] if section == "limits" else rest[1:2])


def _renamed(old: Mapping[str, Target], new: Mapping[str, Target]) -> dict[str, Target]:
    """Return the old targets that have another alias in the new version, by that alias. Their roles are the same."""
    by_role = {first_role(each.role_arn): each for alias, each in old.items() if alias not in new}
    found = {alias: by_role.get(first_role(each.role_arn)) for alias, each in new.items() if alias not in old}
    return {alias: target for alias, target in found.items() if target}


def _answer(answer: VersionAnswer) -> dict[str, Any]:
    reviews = [list(groups) for groups in answer.reviews]
    limits = {name: most for name, most in answer.call_limits._asdict().items() if most}
    return {"effect": answer.effect, "policies": list(answer.policies), "reviews": reviews, "call_limits": limits}


def _example(asked: SpaceRequest) -> dict[str, Any]:
    """Return the request in the form of a case in tests.yaml."""
    who, request = asked.principal, asked.request
    calls = {"operation": request.operation, "grant_approvals": sorted(request.grant_approvals)}
    return {
        "target": request.target,
        "groups": sorted(who.groups),
        "kind": who.kind,
        "human": who.human and who.human.name,
        "claims": {name: list(value) if isinstance(value, tuple) else value for name, value in who.tags},
        **_scope(asked),
        "seconds": request.duration_seconds,
        "way": request.way,
        "reveal": request.reveal,
        "approvals": sorted(asked.approvals),
        **({"earlier_approvals": sorted(asked.earlier_approvals)} if asked.earlier_approvals else {}),
        **({"time_windows": sorted(asked.time_windows)} if asked.time_windows else {}),
        **(calls if request.operation else {}),
    }


def _scope(asked: SpaceRequest) -> dict[str, Any]:
    profile = {"access_profile": asked.profile} if asked.profile else {}
    for permission in asked.request.permissions:  # one, or none for a whole profile
        limits = {} if profile else {"conditions": conditions_view(permission.conditions)}
        return {**profile, "actions": list(permission.actions), "resources": list(permission.resources), **limits}
    return profile


def rows(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how much was compared, and what could not be compared, as rows."""
    share = "all" if result["compared"] == result["size"] else f"of {result['size']:,}"
    share = "" if share == "all" and result["reduced"] else f", {share}"
    compared = f"{result['compared']:,} generated requests{share}"
    yield "compared", compared if result["size"] else "no request: the versions have no target in common"
    reduced = format_list(result["reduced"], MOST_REDUCED)
    yield "reduced", f"not generated in each combination that policies may distinguish: {reduced}" if reduced else ""
    others = result["other_policies"]
    yield "same", f"{others:,} with the same answer by other policies" if others else ""
    yield "only old", ", ".join(result["only_old_targets"])
    yield "only new", ", ".join(result["only_new_targets"])
    for each in result["affected_state"]:
        yield "affects", f"{each['part']}: {each['effect']}"
    yield from _listed("policy", "policies", [_place(each) for each in result["changed_policies"]])
    yield from _listed("case", "cases", [_place(each) for each in result["changed_cases"]])
    settings = [f"{each['setting']}: {_change(each['old'], each['new'])}" for each in result["changed_settings"]]
    yield from _listed("setting", "settings", settings)


def _listed(name: str, plural: str, found: Sequence[str]) -> Iterator[tuple[str, str]]:
    for each in found[:MOST_SETTINGS]:
        yield name, each
    if len(found) > MOST_SETTINGS:
        yield name, f"{len(found) - MOST_SETTINGS:,} more {plural} differ: --json lists all"


def _place(each: Mapping[str, Any]) -> str:
    place = f" ({each['place']})" if each["place"] else ""
    return f"{each['name']}: {each['change']}{place}"


def _change(old: Any, new: Any) -> str:
    if isinstance(old, dict) or isinstance(new, dict):
        return "added" if old is None else "removed" if new is None else "replaced"
    before, after = (middle_cut(json.dumps(each, ensure_ascii=False), MOST_VALUE) for each in (old, new))
    return f"{before} to {after}"


def table(result: Mapping[str, Any], most: int) -> KindsTable:
    """Return the kinds of differences, in at most `most` rows."""
    found = result["differences"]
    return KindsTable(_COLUMNS, [_row(each) for each in found[:most]], len(found))


def _row(each: Mapping[str, Any]) -> list[str]:
    asked = each["example"]
    further = [
        f"{asked['seconds']} s",
        *([asked["way"]] if asked["way"] == "gateway" else []),
        *(["reveal"] if asked["reveal"] else []),
        *(["a human"] if asked["kind"] == "human" else []),
        *(["on behalf of a person"] if asked["human"] else []),
        *(f"{name}={value}" for name, value in asked["claims"].items()),
        *(f"{key}={value}" for key, values in asked.get("conditions", {}).items() for value in values),
        *([f"call {asked['operation']}"] if "operation" in asked else []),
        *(f"approved by {group}" for group in asked["approvals"]),
        *(f"grant approved by {group}" for group in asked.get("grant_approvals", ())),
        *(f"approved before by {group}" for group in asked.get("earlier_approvals", ())),
        *(f"in {window}" for window in asked.get("time_windows", ())),
    ]
    groups = ", ".join(asked["groups"]) or "none"
    old, new = _words(each["old"]), _words(each["new"])
    profile = [f"profile {asked['access_profile']}"] if "access_profile" in asked else []
    scope = [" of ".join([*asked.get("actions", ()), *profile]), *asked.get("resources", ("",))]
    return [f"{each['count']:,}", old, new, groups, asked["target"], *scope, ", ".join(further)]


def _words(answer: Mapping[str, Any]) -> str:
    reviews = " or ".join("+".join(groups) for groups in answer["reviews"])
    policies = f" ({', '.join(answer['policies'])})" if answer["policies"] else ""
    limits = "".join(f", {name}={most}" for name, most in answer["call_limits"].items())
    return f"{answer['effect']}{f' by {reviews}' if reviews else ''}{policies}{limits}"
