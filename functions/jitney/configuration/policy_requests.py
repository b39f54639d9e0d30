"""Finds policies that apply to no request: to no target, to no requester, or by conditions that contradict each other.

Such a permit permits nothing, and such a forbid forbids nothing, and no error would show that. The scope and the
conditions are evaluated with what is known of each target and of each issuer's tokens, with everything else unknown.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Any

from jitney.configuration.names import Names, Requesters, TargetNames
from jitney.configuration.policy_problem import PolicyProblem
from jitney.core.access.request import Way
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.policy.expressions import CONTEXT, PRINCIPAL, RESOURCE, TARGET, attribute, operations_of
from jitney.core.policy.known_conditions import (
    COMPARISONS,
    Entity,
    Facts,
    attribute_facts,
    context_facts,
    joined_facts,
    may_hold,
    parent_facts,
    tag_facts,
)

_ATOMS = frozenset({"contains", "containsAll", "containsAny", "like", "hasTag", "has", "in", *COMPARISONS})
"""The operators whose value is true or false, and that are no connection of such values."""
_MOST_REPEATED = 8


def unmet_by_requests(policy: Mapping[str, Any], names: Names) -> Iterator[PolicyProblem]:
    """Yield why the policy, in Cedar's JSON form, applies to no request. Yields nothing if it may apply to one."""
    wrong = "applies to no request: "
    targets = names.target_facts.items()
    if targets and not any(_may_be_for(policy, *each) for each in targets):
        said = "no target meets its scope and its conditions on the target and the duration"
        yield PolicyProblem("", wrong + said, "correct the target, its account or tag, or the seconds")
    elif names.requesters and not any(_may_be_by(policy, *each, names) for each in names.requesters.items()):
        said = "the tokens of no issuer meet its scope and its conditions on the requester"
        yield PolicyProblem("", wrong + said, "name groups and claims of one issuer; see its entry in issuers")
    elif _contradicts_itself(policy):
        said = "its conditions contradict each other"
        yield PolicyProblem("", wrong + said, "correct or remove one of the conditions")
    elif policy["effect"] == "permit" and not may_hold(policy, _without_break_glass):
        said = f'permits nothing by itself, because "{BREAK_GLASS_APPROVAL}" needs a request that waits for reviewers'
        fix = 'write context.approvals.contains("group"); break-glass counts as the approval of each group'
        yield PolicyProblem(BREAK_GLASS_APPROVAL, said, fix)
    elif "call_limits" in policy.get("annotations", {}) and not may_hold(policy, _GATEWAY):
        said = "has @call_limits, which limit calls through the gateway only, but permits no request with way gateway"
        yield PolicyProblem("call_limits", said, 'write context.way == "gateway", or leave @call_limits out')


_GATEWAY = context_facts({"way": Way.GATEWAY.value})


def _without_break_glass(operator: str, operands: Any) -> bool | None:
    """Return what is known of a request without break-glass."""
    asked = {"left": attribute(CONTEXT, "approvals"), "right": {"Value": BREAK_GLASS_APPROVAL}}
    return False if operator == "contains" and operands == asked else None


def _may_be_for(policy: Mapping[str, Any], alias: str, target: TargetNames) -> bool:
    """Return whether the policy may apply to a request for the target, for some duration."""
    own = {"Jitney::Target": alias, "Jitney::Account": target.account}

    def is_own(entity: Entity) -> bool | None:
        return own[entity.type] == entity.id if entity.type in own else None

    known = joined_facts(
        attribute_facts(RESOURCE, {"target": Entity("Jitney::Target", alias)}),
        attribute_facts(TARGET, {"account": target.account}),
        tag_facts(TARGET, target.tags),
        *(parent_facts(each, is_own) for each in (RESOURCE, TARGET)),
    )
    asked = (context_facts({"target": alias, "durationSeconds": each}) for each in _durations(policy, target))
    return _in_scope(policy["resource"], is_own) and any(may_hold(policy, joined_facts(known, each)) for each in asked)


def _durations(policy: Mapping[str, Any], target: TargetNames) -> list[int]:
    """Return a duration on each side of each number of the policy. A permit must apply to one that the target allows.

    A forbid of longer durations is of use if the target allows them later.
    """
    operations = operations_of(policy)
    numbers = {value for operator, value in operations if operator == "Value" and isinstance(value, int)}
    near = {max(1, number + step) for number in numbers for step in (-1, 0, 1)}
    forbids = policy["effect"] == "forbid"
    return sorted({target.longest_seconds, *(each for each in near if forbids or each <= target.longest_seconds)})


def _may_be_by(policy: Mapping[str, Any], alias: str, tokens: Requesters, names: Names) -> bool:
    """Return whether the policy may apply to a requester with a token of the entry `alias`."""

    def is_parent(entity: Entity) -> bool | None:
        owner = entity.id.partition("/")[0]
        foreign = entity.type == "Jitney::Group" and owner in names.issuers and owner != alias
        return False if foreign else None

    kind = f"Jitney::{tokens.kind.capitalize()}"

    def own(operator: str, operands: Any) -> Any:
        match operator, operands:
            case "is", {"left": read, "entity_type": str(name)} if read == PRINCIPAL and "in" not in operands:
                return name == kind
            case "hasTag", {"left": read, "right": {"Value": str(name)}} if read == PRINCIPAL:
                return None if name in tokens.claims else False
        return None

    known = joined_facts(
        attribute_facts(PRINCIPAL, {"kind": tokens.kind}),
        context_facts({} if tokens.for_people else {"onBehalfOfHuman": False}),
        parent_facts(PRINCIPAL, is_parent),
        own,
    )
    scope = policy["principal"]
    is_kind = scope.get("entity_type", kind) == kind
    return is_kind and _in_scope(scope, is_parent) and may_hold(policy, known)


def _contradicts_itself(policy: Mapping[str, Any]) -> bool:
    """Return whether the conditions hold for no values of the comparisons that they repeat."""
    atoms = [each for each in operations_of(policy) if each[0] in _ATOMS]
    repeated = list(islice((each for n, each in enumerate(atoms) if atoms.index(each) < n), _MOST_REPEATED))

    def facts(values: tuple[bool, ...]) -> Facts:
        known = list(zip(repeated, values, strict=True))
        return lambda operator, operands: next((value for atom, value in known if atom == (operator, operands)), None)

    chosen = product((True, False), repeat=len(repeated))
    return bool(repeated) and not any(may_hold(policy, facts(each)) for each in chosen)


def _in_scope(scope: Mapping[str, Any], is_own: Callable[[Entity], bool | None]) -> bool:
    """Return whether the scope's entity, if it has one, may be one of these."""
    entity = scope.get("entity") or scope.get("in", {}).get("entity")
    return not entity or is_own(Entity(**entity)) is not False
