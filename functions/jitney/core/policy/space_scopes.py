"""The permissions, calls and access profiles for which the answers of policies can differ (row POL 14)."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod
from typing import NamedTuple

from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.permission_fields import is_arn
from jitney.core.access.profile_policy import permissions_in
from jitney.core.access.request import Permission
from jitney.core.actions import Action, ResourceType
from jitney.core.patterns import (
    MAX_REQUEST_STEPS,
    Budget,
    Pattern,
    PatternTooComplex,
    has_wildcard,
    match_classes,
    wildcard_pattern,
)
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.condition_witnesses import OPERATION, KeyReads
from jitney.core.policy.pattern_text import wildcard_text
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.reach import REACH_RISKS, reach_risks
from jitney.core.policy.risks import completed_escalations, risks_of

MOST_CONDITIONS = 100
"""The limit of combinations of the values of condition keys. With more, each value is tried alone."""


class SpaceScope(NamedTuple):
    """What a request of the space is for: a permission, one call of it, or an access profile or a permission of it.

    `operation` and `profile` are "" for a permission. `permission` is None for a whole profile.
    """

    permission: Permission | None
    operation: str = ""
    profile: str = ""


@dataclass
class ScopeGenerator:
    """Generates the scopes of a space for `targets`, which are aliases. `operations` are names as s3:DeleteObject.

    After `scopes` has ended, `reduced` names each part of a request with too many combinations to generate all.
    """

    versions: Sequence[CaseContext]
    targets: Sequence[str]
    operations: Sequence[str]
    reduced: set[str] = field(default_factory=set)

    def scopes(self) -> Iterator[SpaceScope]:
        """Yield each permission, a call of each kind with it if a version decides about calls, and each profile."""
        about_calls = any(OPERATION in each.policy_set.condition_reads.keys for each in self.versions)
        calls: dict[str, list[str]] = {}
        for permission in self._permissions():
            yield SpaceScope(permission)
            if about_calls:
                (action,) = permission.actions
                service = action.partition(":")[0]
                if service not in calls:
                    calls[service] = self._operations(service)
                yield from (SpaceScope(permission, each) for each in calls[service] or (action,))
        yield from self._profiles()

    def _operations(self, service: str) -> list[str]:
        """Return an operation of the service for each way in which the literals can match it."""
        texts, found = self._reads[OPERATION].texts, dict[tuple[bool, ...], str]()
        for name in (each for each in self.operations if each.partition(":")[0] == service):
            found.setdefault(tuple(text.matches(name) for text in texts), name)
        return sorted(found.values())

    def _profiles(self) -> Iterator[SpaceScope]:
        """Yield each access profile, and its permissions of each kind, because a request can name a part of it."""
        seen: set[Hashable] = set()
        for version, alias in product(self.versions, self.targets):
            for name, profile in sorted(version.targets[alias].access_profiles.items()):
                if name not in seen:
                    seen.add(name)
                    yield SpaceScope(None, profile=name)
                for action, arn in self._pairs(permissions_in(profile)):
                    key = name, self._key(action, arn, (arn,))
                    if key not in seen:
                        seen.add(key)
                        yield SpaceScope(Permission((action.name,), (arn,)), profile=name)

    def _pairs(self, permissions: Iterable[Permission]) -> Iterator[tuple[Action, str]]:
        """Yield the pairs of an access profile, also with an ARN of each kind that its wildcards match."""
        budget, table = Budget(MAX_REQUEST_STEPS), self.versions[0].actions
        single: dict[str, list[str]] = {}
        for each in permissions:
            for action, arn in product(filter(None, map(table.get, each.actions)), each.resources):
                if arn not in single:
                    named = has_wildcard(arn) and arn != "*"
                    single[arn] = [arn, *(self._matching(wildcard_pattern(arn), f"resources {arn}") if named else ())]
                yield from ((action, one) for one in single[arn] if action.acts_on(one, budget))

    def _permissions(self) -> Iterator[Permission]:
        """Yield an action of each kind, on an ARN of each kind, and on "*"."""
        seen: set[Hashable] = set()
        arns: dict[str, tuple[str, ...]] = {}
        table = self.versions[0].actions
        for action in (each for service in table.services() for each in table.of_service(service)):
            for kind in action.resource_types:
                if kind.arn_format not in arns:
                    arns[kind.arn_format] = self._arns(kind)
            own = tuple(dict.fromkeys(arn for kind in action.resource_types for arn in arns[kind.arn_format]))
            for arn in ("*", *own):
                try:
                    key = self._key(action, arn, own)
                except PatternTooComplex:
                    self.reduced.add(f"wildcards of {action.service}")
                    continue
                if key not in seen:
                    seen.add(key)
                    yield from (Permission((action.name,), (arn,), each) for each in self._conditions(action, arn))

    def _arns(self, kind: ResourceType) -> tuple[str, ...]:
        """Return an ARN of the type for each way in which the literals of all versions can match it.

        Also returns the literals with wildcards, because a request can name them.
        """
        written = dict.fromkeys(filter(has_wildcard, map(wildcard_text, self._meeting(kind.pattern))))
        named = self._matching(kind.pattern, f"resources {kind.arn_format}")
        try:
            budget = Budget(MAX_REQUEST_STEPS)
            return (*named, *[text for text in written if is_arn(text) and kind.may_match(text, budget)])
        except PatternTooComplex:
            self.reduced.add(f"wildcards of {kind.arn_format}")
            return tuple(named)

    def _meeting(self, pattern: Pattern) -> list[Pattern]:
        """Return the literals of all versions that may match a text of `pattern`."""
        literals = dict.fromkeys(one for each in self.versions for one in each.policy_set.resources)
        return [each for each in literals if each.may_meet(pattern)]

    def _matching(self, pattern: Pattern, name: str) -> list[str]:
        """Return a text of `pattern` for each way in which the literals can match it.

        If there are too many ways, return a text that each literal matches, and one that it does not match.
        """
        meeting = self._meeting(pattern)
        try:
            return sorted(match_classes(pattern, meeting, Budget(MAX_REQUEST_STEPS)).values())
        except PatternTooComplex:
            self.reduced.add(name)
        found: set[str] = set()
        for each in meeting:
            with suppress(PatternTooComplex):
                found.update(match_classes(pattern, [each]).values())
        return sorted(found)

    def _key(self, action: Action, arn: str, types: Sequence[str]) -> Hashable:
        """Return what the versions see of the pair. For "*", `types` are ARNs of the action's resource types.

        Pairs with equal keys get equal answers from each version. Raises PatternTooComplex.
        """
        budget, wildcard = Budget(MAX_REQUEST_STEPS), has_wildcard(arn)
        alone = completed_escalations(frozenset({action.name}), (), self.versions[0].actions.escalations)
        risks = risks_of(action, arn, wildcard=wildcard, gained=alone, budget=budget)
        carried = action.keys_on(arn, budget)
        return tuple(
            (
                *(each.policy_set.equivalence.key_of(action, risks | more) for more in self._reach(action, arn, each)),
                wildcard,
                _classes(arn, types, each.policy_set, budget),
                frozenset(reads.family for reads in each.policy_set.condition_reads.keys.values()) & carried,
            )
            for each in self.versions
        )

    def _reach(self, action: Action, arn: str, version: CaseContext) -> Iterable[frozenset[str]]:
        """Return the risks of the pair at each target that depend on the target, if the version's policies name any."""
        if version.policy_set.equivalence.risks.isdisjoint(REACH_RISKS):
            return (frozenset(),)
        return (reach_risks(action.name, arn, version.targets[alias]) for alias in self.targets)

    def _conditions(self, action: Action, arn: str) -> Iterator[Conditions]:
        """Yield no condition, and combinations of conditions with a value of each kind that the versions distinguish.

        If there are too many combinations, yield each condition alone.
        """
        carried = action.keys_on(arn, Budget(MAX_REQUEST_STEPS))
        choices = [
            [(name, value) for value in self._values(name)]
            for name, reads in self._reads.items()
            if reads.family in carried
        ]
        combined: Iterable[tuple[tuple[str, str], ...]]
        if prod(len(each) + 1 for each in choices) <= MOST_CONDITIONS:
            combined = (tuple(filter(None, each)) for each in product(*([None, *each] for each in choices)))
        else:
            self.reduced.add("conditions")
            combined = ((), *((one,) for each in choices for one in each))
        for chosen in combined:
            with suppress(ValueError):  # a text that no condition can have
                yield conditions_of({name: [value] for name, value in chosen})

    @cached_property
    def _reads(self) -> dict[str, KeyReads]:
        """What all versions together read of each condition key."""
        found: dict[str, KeyReads] = {}
        for name, reads in (item for each in self.versions for item in each.policy_set.condition_reads.keys.items()):
            known = found.get(name, reads)
            texts, numbers = dict.fromkeys((*known.texts, *reads.texts)), {*known.numbers, *reads.numbers}
            found[name] = known._replace(texts=tuple(texts), numbers=tuple(sorted(numbers)))
        return found

    def _values(self, name: str) -> tuple[str, ...]:
        """Return values of a condition key. A call with a prefix is also about longer ones, so each is made longer."""
        reads = self._reads[name]
        try:
            values = reads.witnesses(None, Budget(MAX_REQUEST_STEPS))
        except PatternTooComplex:
            self.reduced.add("conditions")
            alone = (reads._replace(texts=(each,)) for each in reads.texts)
            values = tuple(
                dict.fromkeys(text for each in alone for text in each.witnesses(None, Budget(MAX_REQUEST_STEPS)))
            )
        return (*values, *(f"{each}~" for each in values if reads.operator.has_patterns))


def _classes(arn: str, types: Sequence[str], policy_set: PolicySet, budget: Budget) -> frozenset[Hashable]:
    if arn == "*":
        return frozenset(policy_set.match_class(each) for each in types if not has_wildcard(each))
    if has_wildcard(arn):
        return frozenset(policy_set.witnesses(wildcard_pattern(arn), budget).values())
    return frozenset({policy_set.match_class(arn)})
