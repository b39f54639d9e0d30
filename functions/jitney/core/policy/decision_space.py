"""The requests for which the answers of policies can differ, generated from what the policies compare (row POL 14).

Policies distinguish principals, actions, resources, durations and calls only by the literals that they name. So the
space has a value on each side of each literal: each group and no group, each kind of ARN, each duration and the second
after it. The space is finite. `walk` spreads its first requests over all of it.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Any, Literal, NamedTuple

from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.permission_fields import is_arn
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.actions import Action, ResourceType
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.identity.principal import ClaimTags, Principal
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
from jitney.core.policy.claim_combinations import claim_combinations
from jitney.core.policy.condition_witnesses import OPERATION
from jitney.core.policy.pattern_text import wildcard_text
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.principal_reads import group_sets
from jitney.core.policy.risks import completed_escalations, risks_of
from jitney.core.stored_identity import Identity, identity_of

MOST_ARNS = 24
"""The limit of ARNs of one type of resource, of combinations of claims, and of values of one condition key."""
_ISSUER = "https://idp.example.com"
_GOLDEN = 0.618033988749895
_WAYS = ((Way.CREDENTIALS, False), (Way.GATEWAY, False), (Way.GATEWAY, True))


class SpaceScope(NamedTuple):
    """What a request of the space is for: a permission, one call of it, or a whole access profile.

    `operation` and `profile` are "" for a permission. `permission` is None for a profile.
    """

    permission: Permission | None
    operation: str = ""
    profile: str = ""


class SpaceRequest(NamedTuple):
    """One request of the space, with the requester and the reviewer groups that have approved it, now or earlier.

    `time_windows` are open during the whole grant. A request for the access profile `profile` has no permissions. Each
    version of the target adds its own.
    """

    principal: Principal
    request: AccessRequest
    approvals: frozenset[str]
    profile: str = ""
    earlier_approvals: frozenset[str] = frozenset()
    time_windows: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DecisionSpace:
    """All combinations of these values."""

    scopes: Sequence[SpaceScope]
    groups: Sequence[frozenset[str]]
    claims: Sequence[ClaimTags]
    seconds: Sequence[int]
    targets: Sequence[str]
    approvals: Sequence[frozenset[str]]
    earlier_approvals: Sequence[frozenset[str]]
    time_windows: Sequence[frozenset[str]]
    ways: Sequence[tuple[Way, bool]]
    kinds: Sequence[Literal["agent", "human"]]
    humans: Sequence[Identity | None]
    names: Sequence[str]
    issuers: Sequence[str]

    @property
    def size(self) -> int:
        """How many requests the space has."""
        return prod(map(len, self._axes))

    def walk(self, most: int) -> Iterator[SpaceRequest]:
        """Yield `most` requests of the space, each at most once, or all if there are fewer.

        The first requests combine each of `scopes` with each set of groups. The other values change with each request.
        """
        cells, rest = len(self.scopes) * len(self.groups), prod(map(len, self._axes[2:]))
        step = max(1, int(rest * _GOLDEN))
        while gcd(step, rest) != 1:
            step += 1
        for number in range(min(most, self.size)):
            turn, cell = divmod(number, cells)
            yield self._at(cell + cells * ((cell + turn) * step % rest))

    @property
    def _axes(self) -> tuple[Sequence[Any], ...]:
        return (
            self.scopes, self.groups, self.claims, self.seconds, self.targets, self.approvals, self.earlier_approvals,
            self.time_windows, self.ways, self.kinds, self.humans, self.names, self.issuers,
        )  # fmt: skip

    def _at(self, number: int) -> SpaceRequest:
        chosen: list[Any] = []
        for axis in self._axes:
            number, place = divmod(number, len(axis))
            chosen.append(axis[place])
        scope, groups, claims, seconds, target, approvals, earlier, windows, (way, reveal), *who_asks = chosen
        kind, human, name, issuer = who_asks
        who = Principal(issuer, "", name, kind, groups, name, name, name, human=human, tags=claims)
        permissions = (scope.permission,) if scope.permission else ()
        request = AccessRequest(target, permissions, seconds, "", "", way=way, reveal=reveal)
        if scope.operation:  # a call has only one way, so this axis says whether its grant was approved
            most = frozenset[str]().union(*self.approvals) - {BREAK_GLASS_APPROVAL}
            granted = most if way is Way.CREDENTIALS else frozenset[str]()
            request = replace(request, way=Way.GATEWAY, operation=scope.operation, grant_approvals=granted)
        return SpaceRequest(who, request, approvals, scope.profile, earlier, windows)


def decision_space(versions: Sequence[CaseContext], operations: Collection[str] = ()) -> DecisionSpace:
    """Return the space of requests for which versions of policies can differ, on the targets that all of them have.

    `operations` are the names of all operations, such as s3:DeleteObject.
    """
    sets = [each.policy_set for each in versions]
    entities = sorted(frozenset[str]().union(*(each.principal_reads.entities for each in sets)))
    reviewers = frozenset[str]().union(*(each.policy_set.groups & set(each.reviewers) for each in versions))
    earlier = frozenset[str]().union(*(each.earlier_groups for each in sets))
    longest = max(min(each.limits.max_duration_seconds, 43_200) for each in versions)
    shortest = min(each.limits.min_duration_seconds for each in versions)
    near = {seconds + step for each in sets for seconds in each.durations for step in (0, 1)}
    targets = frozenset.intersection(*(frozenset(each.targets) for each in versions))
    named = [name for name in entities if "/" not in name and name not in targets]
    return DecisionSpace(
        scopes=tuple(_scopes(versions, sorted(targets), sorted(operations))),
        groups=group_sets(each.principal_reads for each in sets),
        claims=claim_combinations(versions, MOST_ARNS),
        seconds=sorted({shortest, longest, *(each for each in near if shortest <= each <= longest)}),
        targets=sorted(targets),
        approvals=list(dict.fromkeys((frozenset[str](), reviewers, *_break_glass(sets, reviewers)))),
        earlier_approvals=list(dict.fromkeys((frozenset[str](), earlier))),
        time_windows=_window_sets(sets),
        ways=_WAYS,
        kinds=("agent", "human"),
        humans=(None, *(identity_of(name, _ISSUER) for name in ("people.person", *_compared(sets, "human")))),
        names=("any.requester", *sorted({*named, *_compared(sets, "subject")})),
        issuers=(_ISSUER, *_compared(sets, "issuer")),
    )


def _break_glass(sets: Iterable[PolicySet], reviewers: frozenset[str]) -> Iterator[frozenset[str]]:
    """Yield the approvals of break-glass, if policies name it: all groups, and its own."""
    if any(BREAK_GLASS_APPROVAL in each.groups for each in sets):
        yield reviewers | {BREAK_GLASS_APPROVAL}


def _window_sets(sets: Iterable[PolicySet]) -> list[frozenset[str]]:
    """Return no time window, each one that policies name alone, and all of them."""
    named = sorted(frozenset[str]().union(*(each.time_windows for each in sets)))
    return list(dict.fromkeys((frozenset[str](), *(frozenset({each}) for each in named), frozenset(named))))


def _compared(sets: Iterable[PolicySet], attribute: str) -> list[str]:
    """Return the texts with which policies compare an attribute of the requester."""
    return sorted(frozenset[str]().union(*(each.attribute_literals.get(attribute, ()) for each in sets)))


def _scopes(versions: Sequence[CaseContext], targets: Iterable[str], operations: Sequence[str]) -> Iterator[SpaceScope]:
    """Yield each permission, a call of each kind with it if a version decides about calls, and each access profile."""
    reads = [each.policy_set.condition_reads.keys.get(OPERATION) for each in versions]
    texts = tuple(pattern for each in reads if each for pattern in each.texts)
    calls: dict[str, list[str]] = {}
    for permission in _permissions(versions):
        yield SpaceScope(permission)
        if any(reads):
            (action,) = permission.actions
            service = action.partition(":")[0]
            if service not in calls:
                calls[service] = _operations(service, texts, operations)
            yield from (SpaceScope(permission, each) for each in calls[service] or (action,))
    profiles = {name for each in versions for alias in targets for name in each.targets[alias].access_profiles}
    yield from (SpaceScope(None, profile=name) for name in sorted(profiles))


def _operations(service: str, texts: Iterable[Pattern], operations: Sequence[str]) -> list[str]:
    """Return an operation of the service for each way in which the literals can match it."""
    found: dict[tuple[bool, ...], str] = {}
    for name in (each for each in operations if each.partition(":")[0] == service):
        found.setdefault(tuple(text.matches(name) for text in texts), name)
    return sorted(found.values())[:MOST_ARNS]


def _permissions(versions: Sequence[CaseContext]) -> Iterator[Permission]:
    """Yield an action of each kind, on an ARN of each kind, and on "*"."""
    seen: set[Hashable] = set()
    arns: dict[str, tuple[str, ...]] = {}
    table = versions[0].actions
    for service in table.services():
        for action in table.of_service(service):
            for kind in action.resource_types:
                if kind.arn_format not in arns:
                    arns[kind.arn_format] = _arns(kind, versions)
            own = tuple(dict.fromkeys(arn for kind in action.resource_types for arn in arns[kind.arn_format]))
            for arn in ("*", *own):
                try:
                    key = _key(action, arn, own, versions)
                except PatternTooComplex:
                    continue
                if key not in seen:
                    seen.add(key)
                    yield from (Permission((action.name,), (arn,), each) for each in _conditions(action, arn, versions))


def _arns(kind: ResourceType, versions: Sequence[CaseContext]) -> tuple[str, ...]:
    """Return an ARN of the type for each way in which the literals of all versions can match it.

    Also returns the literals with wildcards, because a request can name them.
    """
    patterns = (pattern for each in versions for pattern in each.policy_set.resources)
    budget = Budget(MAX_REQUEST_STEPS)
    try:
        meeting = [pattern for pattern in patterns if pattern.may_meet(kind.pattern)]
        found = sorted(match_classes(kind.pattern, meeting, budget).values())[:MOST_ARNS]
        written = dict.fromkeys(filter(has_wildcard, map(wildcard_text, meeting)))
        whole = [text for text in written if is_arn(text) and kind.may_match(text, budget)]
    except PatternTooComplex:
        return ()
    return (*found, *whole[:MOST_ARNS])


def _key(action: Action, arn: str, types: Sequence[str], versions: Sequence[CaseContext]) -> Hashable:
    """Return what the versions see of the pair. For "*", `types` are ARNs of the action's resource types.

    Pairs with equal keys get equal answers from each version.
    """
    budget = Budget(MAX_REQUEST_STEPS)
    wildcard = has_wildcard(arn)
    alone = completed_escalations(frozenset({action.name}), (), versions[0].actions.escalations)
    risks = risks_of(action, arn, wildcard=wildcard, gained=alone, budget=budget)
    carried = action.keys_on(arn, budget)
    return tuple(
        (
            each.policy_set.equivalence.key_of(action, risks),
            wildcard,
            _classes(arn, types, each.policy_set, budget),
            frozenset(reads.family for reads in each.policy_set.condition_reads.keys.values()) & carried,
        )
        for each in versions
    )


def _classes(arn: str, types: Sequence[str], policy_set: PolicySet, budget: Budget) -> frozenset[Hashable]:
    if arn == "*":
        return frozenset(policy_set.match_class(each) for each in types if not has_wildcard(each))
    if has_wildcard(arn):
        return frozenset(policy_set.witnesses(wildcard_pattern(arn), budget).values())
    return frozenset({policy_set.match_class(arn)})


def _conditions(action: Action, arn: str, versions: Sequence[CaseContext]) -> Iterator[Conditions]:
    """Yield no condition, and each condition with one value of a kind that the versions distinguish.

    A call with a prefix is also about longer prefixes. So each text is yielded again with one more character.
    """
    yield ()
    budget = Budget(MAX_REQUEST_STEPS)
    carried = action.keys_on(arn, budget)
    read = [each.policy_set.condition_reads.keys for each in versions]
    for name, reads in ((name, reads) for keys in read for name, reads in keys.items()):
        if reads.family not in carried:
            continue
        values = reads.witnesses(None, budget)[:MOST_ARNS]
        for value in (*values, *(f"{each}~" for each in values if reads.operator.has_patterns)):
            with suppress(ValueError):  # a text that no condition can have
                yield conditions_of({name: [value]})
