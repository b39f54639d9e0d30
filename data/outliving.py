"""What outlives a grant, for each action, from outliving.yaml and the roles in botocore's models."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Self

from botocore.model import ServiceModel

from data.harms import Patterns, models, verb
from data.passing import passed
from jitney.core.actions import AccessLevel
from jitney.core.outliving import OutlivingEffect

PASSES_ROLE = "PassesRole"

_READS = frozenset({AccessLevel.LIST, AccessLevel.READ, AccessLevel.TAGGING})
_ENDS = frozenset(
    {"Cancel", "Delete", "Deregister", "Disable", "Disassociate", "Reject", "Remove", "Revoke", "Stop", "Terminate"}
)


class Outliving:
    """The effects of actions that outlive a grant.

    `rules` is outliving.yaml. `passing` are the actions that give a role to a resource, in lower case.
    """

    def __init__(self, rules: Mapping[str, Mapping[str, Any]], passing: Collection[str]) -> None:
        self.effects = tuple(
            OutlivingEffect(name, rule["what"], rule.get("seconds"), rule["left_to_do"].strip(), rule["source"])
            for name, rule in rules.items()
        )
        self._actions = tuple(Patterns(rule.get("actions", ())) for rule in rules.values())
        self._names = tuple(frozenset(rule.get("actions", ())) for rule in rules.values())
        self._rules = tuple(frozenset(rule.get("rules", ())) for rule in rules.values())
        self._unused_rules = set().union(*self._rules)
        self._passing = passing

    @classmethod
    def of_models(cls, rules: Mapping[str, Any]) -> Self:
        """Return the effects by `rules` and the roles in botocore's models."""
        passing = {
            f"{prefix}:{name}".lower()
            for prefixes, model in models()
            for name in passing_roles(model)
            for prefix in prefixes
        }
        return cls(rules, passing)

    def index_of(self, action: str, level: AccessLevel, risks: Collection[str]) -> int | None:
        """Return the index of the action's effect, or None.

        An exact name is preferred to a wildcard, and a wildcard to a rule. Wildcards and rules match no action that
        only reads, tags or ends something.
        """
        matching = [index for index, patterns in enumerate(self._actions) if patterns.match(action)]
        exact = [index for index in matching if action in self._names[index]]
        creates = level not in _READS and verb(action.partition(":")[2]) not in _ENDS
        if exact or (matching and creates):
            return (exact or matching)[0]
        rules = {level.value}
        if creates:
            rules |= {*risks, *((PASSES_ROLE,) if action.lower() in self._passing else ())}
        self._unused_rules -= rules
        return next((index for index, each in enumerate(self._rules) if each & rules), None)

    def unused(self) -> list[str]:
        """Return the patterns and rules that have matched no action."""
        patterns = (pattern for each in self._actions for pattern in each.unused)
        return sorted((*patterns, *self._unused_rules))


def passing_roles(model: ServiceModel) -> Iterator[str]:
    """Yield the operations of a service that give a role to a resource."""
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.input_shape and any(passed(operation, operation.input_shape.members, [])):
            yield name
