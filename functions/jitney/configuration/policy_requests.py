"""Finds policies that apply to no request: to no target, to no requester, or by conditions that contradict each other.

Such a permit permits nothing, and such a forbid forbids nothing, and no error would show that. The scope and the
conditions are evaluated with what is known of each target and of each issuer's tokens, with everything else unknown.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

from jitney.configuration.names import Names, Requesters, TargetNames
from jitney.configuration.policy_comparisons import Impossible
from jitney.core.access.request import Way
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.policy.known_conditions import Facts, context_facts, may_hold

_TARGET: Mapping[str, Any] = {".": {"left": {"Var": "resource"}, "attr": "target"}}
_ACCOUNT: Mapping[str, Any] = {".": {"left": _TARGET, "attr": "account"}}
_SECONDS: Mapping[str, Any] = {".": {"left": {"Var": "context"}, "attr": "durationSeconds"}}
_RESOURCE, _PRINCIPAL = {"Var": "resource"}, {"Var": "principal"}
_ORDERS: Mapping[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
_ATOMS = frozenset({"contains", "containsAll", "containsAny", "like", "hasTag", "has", "in", *_ORDERS})
"""The operators whose value is true or false, and that are no connection of such values."""
_MOST_REPEATED = 8
_Entity: TypeAlias = Mapping[str, str]


def unmet_by_requests(policy: Mapping[str, Any], names: Names) -> Iterator[Impossible]:
    """Yield why the policy, in Cedar's JSON form, applies to no request. Yields nothing if it may apply to one."""
    wrong = "applies to no request: "
    targets = names.target_facts.items()
    if targets and not any(_may_be_for(policy, *each) for each in targets):
        said = "no target meets its scope and its conditions on the target and the duration"
        yield Impossible("", wrong + said, "correct the target, its account or tag, or the seconds")
    elif names.requesters and not any(_may_be_by(policy, *each, names) for each in names.requesters.items()):
        said = "the tokens of no issuer meet its scope and its conditions on the requester"
        yield Impossible("", wrong + said, "name groups and claims of one issuer; see its entry in issuers")
    elif _contradicts_itself(policy):
        yield Impossible("", f"{wrong}its conditions contradict each other", "correct or remove one of the conditions")
    elif policy["effect"] == "permit" and not may_hold(policy, _without_break_glass):
        said = f'permits nothing by itself, because "{BREAK_GLASS_APPROVAL}" needs a request that waits for reviewers'
        fix = 'write context.approvals.contains("group"); break-glass counts as the approval of each group'
        yield Impossible(BREAK_GLASS_APPROVAL, said, fix)
    elif "call_limits" in policy.get("annotations", {}) and not may_hold(policy, _GATEWAY):
        said = "has @call_limits, which limit calls through the gateway only, but permits no request with way gateway"
        yield Impossible("call_limits", said, 'write context.way == "gateway", or leave @call_limits out')


_GATEWAY = context_facts({"way": Way.GATEWAY.value})


def _without_break_glass(operator: str, operands: Any) -> bool | None:
    """Return what is known of a request without break-glass."""
    asked = {"left": {".": {"left": {"Var": "context"}, "attr": "approvals"}}, "right": {"Value": BREAK_GLASS_APPROVAL}}
    return False if operator == "contains" and operands == asked else None


def _may_be_for(policy: Mapping[str, Any], alias: str, target: TargetNames) -> bool:
    """Return whether the policy may apply to a request for the target, for some duration."""
    own = {"Jitney::Target": alias, "Jitney::Account": target.account}

    def is_own(entity: _Entity) -> bool | None:
        return own[entity["type"]] == entity["id"] if entity["type"] in own else None

    if _scope(policy["resource"], is_own) is False:
        return False
    return any(may_hold(policy, _target_facts(alias, target, is_own, each)) for each in _durations(policy, target))


def _target_facts(alias: str, target: TargetNames, is_own: Callable[[_Entity], bool | None], seconds: int) -> Facts:
    def known(operator: str, operands: Any) -> Any:
        match operator, operands:
            case ".", {"left": {"Var": "context"}, "attr": "target"}:
                return alias
            case (("hasTag" | "getTag"), {"left": read, "right": {"Value": str(name)}}) if read == _TARGET:
                return name in target.tags if operator == "hasTag" else target.tags.get(name)
            case "in", {"left": read, "right": entities} if read in (_TARGET, _RESOURCE):
                return _any_known(map(is_own, _entities(entities)))
            case (("==" | "!="), {"left": read, "right": {"Value": {"__entity": entity}}}) if read == _TARGET:
                return (is_own(entity) or False) is (operator == "==")
        if {operator: operands} == _ACCOUNT:
            return target.account
        return _compared_seconds(operator, operands, seconds)

    return known


def _compared_seconds(operator: str, operands: Any, seconds: int) -> bool | None:
    """Return the value of a comparison of the duration with a number, if it is one."""
    if operator not in _ORDERS:
        return None
    match operands:
        case {"left": left, "right": {"Value": int(number)}} if left == _SECONDS:
            return _ORDERS[operator](seconds, number)
        case {"left": {"Value": int(number)}, "right": right} if right == _SECONDS:
            return _ORDERS[operator](number, seconds)
    return None


def _durations(policy: Mapping[str, Any], target: TargetNames) -> list[int]:
    """Return a duration on each side of each number of the policy. A permit must apply to one that the target allows.

    A forbid of longer durations is of use if the target allows them later.
    """
    numbers = {part["Value"] for part in _parts(policy["conditions"]) if isinstance(part.get("Value"), int)}
    near = {max(1, number + step) for number in numbers for step in (-1, 0, 1)}
    forbids = policy["effect"] == "forbid"
    return sorted({target.longest_seconds, *(each for each in near if forbids or each <= target.longest_seconds)})


def _may_be_by(policy: Mapping[str, Any], alias: str, tokens: Requesters, names: Names) -> bool:
    """Return whether the policy may apply to a requester with a token of the entry `alias`."""

    def is_own(entity: _Entity) -> bool | None:
        owner = entity["id"].partition("/")[0]
        foreign = entity["type"] == "Jitney::Group" and owner in names.issuers and owner != alias
        return False if foreign else None

    kind = f"Jitney::{tokens.kind.capitalize()}"

    def known(operator: str, operands: Any) -> Any:
        match operator, operands:
            case "in", {"left": read, "right": entities} if read == _PRINCIPAL:
                return _any_known(map(is_own, _entities(entities)))
            case "is", {"left": read, "entity_type": str(name)} if read == _PRINCIPAL and "in" not in operands:
                return name == kind
            case ".", {"left": read, "attr": "kind"} if read == _PRINCIPAL:
                return tokens.kind
            case "hasTag", {"left": read, "right": {"Value": str(name)}} if read == _PRINCIPAL:
                return None if name in tokens.claims else False
            case ".", {"left": {"Var": "context"}, "attr": "onBehalfOfHuman"}:
                return None if tokens.for_people else False
        return None

    scope = policy["principal"]
    is_kind = scope.get("entity_type", kind) == kind
    return is_kind and _scope(scope, is_own) is not False and may_hold(policy, known)


def _contradicts_itself(policy: Mapping[str, Any]) -> bool:
    """Return whether the conditions hold for no values of the comparisons that they repeat."""
    atoms = [{name: each[name]} for each in _parts(policy["conditions"]) for name in each if name in _ATOMS]
    repeated = list(islice((each for n, each in enumerate(atoms) if atoms.index(each) < n), _MOST_REPEATED))

    def facts(values: tuple[bool, ...]) -> Facts:
        known = list(zip(repeated, values, strict=True))
        return lambda operator, operands: next((value for atom, value in known if atom == {operator: operands}), None)

    chosen = product((True, False), repeat=len(repeated))
    return bool(repeated) and not any(may_hold(policy, facts(each)) for each in chosen)


def _scope(scope: Mapping[str, Any], is_own: Callable[[_Entity], bool | None]) -> bool | None:
    """Return whether the scope's entity is one of those known, or None if it is not known."""
    entity = scope.get("entity") or scope.get("in", {}).get("entity")
    return is_own(entity) if entity else None


def _entities(expression: Mapping[str, Any]) -> Iterator[_Entity]:
    for each in expression.get("Set", [expression]):
        yield each.get("Value", {}).get("__entity", {"type": "", "id": ""})


def _any_known(values: Iterator[bool | None]) -> bool | None:
    found = set(values)
    return True if True in found else None if None in found else False


def _parts(part: Any) -> Iterator[Mapping[str, Any]]:
    """Yield each expression in a part of a policy. Not by recursion, because hundreds of || in a row nest as deep."""
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
