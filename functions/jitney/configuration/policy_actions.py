"""Finds policies that apply to no action of AWS. Such a forbid would forbid nothing, and no error would show that.

The scope and the conditions of a policy are evaluated for each action of AWS, with everything else unknown.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from jitney.configuration.action_facts import known_of
from jitney.configuration.action_table import action_table
from jitney.configuration.policy_problem import PolicyProblem
from jitney.core.actions import Action
from jitney.core.policy.known_conditions import may_hold
from jitney.core.policy.literals import Literals
from jitney.core.policy.scope_levels import levels_of


def unmet_by_actions(policy: Mapping[str, Any], literals: Literals) -> Iterator[PolicyProblem]:
    """Yield why the policy, in Cedar's JSON form, applies to no action of AWS. Yields nothing if it applies to one.

    `literals` are the policy's.
    """
    levels = levels_of(literals)
    if not levels:  # an unknown level, which Cedar reports
        return
    table = action_table()
    named = [action for name in sorted(literals.names.get("action", ())) if (action := table.get(name))]
    services = chain(sorted(literals.names.get("service", ())), table.services())
    others = chain.from_iterable(map(table.of_service, services))
    if any(each.level in levels and _may_meet(policy, each) for each in chain(named, others)):
        return
    wrong = "applies to no action: none meets its scope and its conditions on the action, its resource, keys and risks"
    outside = [each for each in named if _may_meet(policy, each)]
    if outside:
        name, level = outside[0].name, outside[0].level
        yield PolicyProblem(name, f"{wrong}; {name} is {level}", f'write Jitney::Action::"{level}" in its scope')
    else:
        literal = min(chain(*literals.names.values()), default="")
        yield PolicyProblem(literal, wrong, "correct the conditions, which contradict each other or the scope")


def _may_meet(policy: Mapping[str, Any], action: Action) -> bool:
    return may_hold(policy, partial(known_of, action))
