"""Groups uses into permits. If a permit covers more than was used, its evidence says so."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, NamedTuple

from jitney.core.access.conditions import Conditions
from jitney.core.access.request import AccessRequest, GrantedPair, Way
from jitney.core.access_profile import GrantedProfile
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits
from jitney.core.identity.principal import Principal
from jitney.core.patterns import has_wildcard
from jitney.core.policy_suggestion.prefixes import wide_prefixes
from jitney.core.policy_suggestion.remembered_decisions import Held, RememberedDecisions, Reviews


class PermitHolder(NamedTuple):
    """The requesters of a permit: one agent or human by its source identity, or the agents or humans in a group."""

    kind: Literal["agent", "human"]
    group: str
    name: str


class PermitPlace(NamedTuple):
    """What one permit compares in addition to actions, resources, conditions, duration and reviews.

    `human` says whether the agent acts on behalf of a person, and `person` is the name of the person if the present
    policies compare it, or else "". `call_limits` are the limits in the present permits.
    """

    holder: PermitHolder
    target: str
    way: Way
    reveal: bool
    profile: GrantedProfile | None
    human: bool
    person: str = ""
    call_limits: CallLimits = NO_CALL_LIMITS


class ResourceShape(StrEnum):
    """How a permit names its resources.

    NAMED are single ARNs and prefixes for single ARNs, PATTERNS are requested wildcards, ANY is "*" for an action that
    has resources, and NONE is "*" for an action without.
    """

    NAMED = "named"
    PATTERNS = "patterns"
    ANY = "any"
    NONE = "none"


@dataclass(slots=True)
class PairUse:
    """The uses of one pair at one place that need the same reviews.

    `request` and `who` are the request and the requester of one use, with which the pair is decided again. `gaps` are
    the reasons why the pair may have been used although no call shows it. `seconds` are the durations of its grants.
    `last` is the time, id and reason of the newest grant.
    """

    place: PermitPlace
    pair: GrantedPair
    reviews: Reviews
    who: Principal
    request: AccessRequest
    held: Held
    seconds: set[int] = field(default_factory=set)
    grants: set[str] = field(default_factory=set)
    gaps: set[str] = field(default_factory=set)
    called: bool = False
    last: tuple[int, str, str] = (0, "", "")

    @property
    def longest(self) -> int:
        """The longest duration of its grants."""
        return max(self.seconds)


@dataclass(frozen=True, slots=True)
class SuggestedPermit:
    """One permit, with the uses that it covers.

    `holders` have the same kind. `arns` are single ARNs, requested patterns, or (). `prefixes` replace the single ARNs
    below them.
    """

    holders: tuple[PermitHolder, ...]
    place: PermitPlace
    reviews: Reviews
    seconds: int
    actions: tuple[str, ...]
    levels: tuple[AccessLevel, ...]
    conditions: Conditions
    shape: ResourceShape
    arns: tuple[str, ...]
    prefixes: tuple[str, ...]
    uses: tuple[PairUse, ...]


class _Resources(NamedTuple):
    shape: ResourceShape
    arns: tuple[str, ...]
    prefixes: tuple[str, ...] = ()


def suggested_permits(uses: Iterable[PairUse], present: RememberedDecisions, least: int) -> list[SuggestedPermit]:
    """Return the permits for these uses.

    A prefix replaces single ARNs if at least `least` of them were used below it, and if the present policies need no
    further review for any ARN below it.
    """
    by_place: dict[tuple[PermitPlace, Reviews], list[PairUse]] = {}
    for each in uses:
        by_place.setdefault((each.place, each.reviews), []).append(each)
    found: list[SuggestedPermit] = []
    for members in by_place.values():
        for seconds, together in _by_duration(members, present):
            found += _permits(together, seconds, present, least)
    return _merged(found)


def _by_duration(uses: Sequence[PairUse], present: RememberedDecisions) -> Iterator[tuple[int, list[PairUse]]]:
    """Yield groups of uses, each with the longest duration that its permits allow.

    A pair gets a longer duration than its own only if the present policies need no further review for it.
    """
    rest = sorted(uses, key=lambda each: (-each.longest, each.pair))
    while rest:
        seconds = rest[0].longest
        fits = [
            each.longest == seconds
            or present.suffices(each.reviews, each.who, each.request, each.pair, seconds, each.held)
            for each in rest
        ]
        yield seconds, [each for each, fit in zip(rest, fits, strict=True) if fit]
        rest = [each for each, fit in zip(rest, fits, strict=True) if not fit]


def _permits(
    uses: Sequence[PairUse], seconds: int, present: RememberedDecisions, least: int
) -> Iterator[SuggestedPermit]:
    by_action: dict[tuple[str, Conditions, ResourceShape], list[PairUse]] = {}
    for each in uses:
        shape = _shape(each.pair, present.context.actions)
        by_action.setdefault((each.pair.action, each.pair.conditions, shape), []).append(each)
    by_resources: dict[tuple[_Resources, Conditions], list[tuple[str, list[PairUse]]]] = {}
    for (action, conditions, shape), own in sorted(by_action.items(), key=lambda item: item[0]):
        resources = _resources(own, shape, seconds, present, least)
        by_resources.setdefault((resources, conditions), []).append((action, own))
    for (resources, conditions), actions in by_resources.items():
        covered = tuple(use for _, own in actions for use in own)
        names = tuple(name for name, _ in actions)
        yield SuggestedPermit(
            holders=(covered[0].place.holder,),
            place=covered[0].place,
            reviews=covered[0].reviews,
            seconds=seconds,
            actions=names,
            levels=_levels(names, present.context.actions),
            conditions=conditions,
            shape=resources.shape,
            arns=resources.arns,
            prefixes=resources.prefixes,
            uses=covered,
        )


def _resources(
    uses: Sequence[PairUse], shape: ResourceShape, seconds: int, present: RememberedDecisions, least: int
) -> _Resources:
    """Return how a permit names the resources of these uses, which are of one action."""
    arns = sorted({each.pair.resource for each in uses})
    if shape in (ResourceShape.ANY, ResourceShape.NONE):
        return _Resources(shape, ())
    if shape is ResourceShape.PATTERNS:
        return _Resources(shape, tuple(arns))
    wide = [
        prefix
        for prefix, below in wide_prefixes(arns, least).items()
        if all(_is_alike(prefix, each, seconds, present) for each in uses if each.pair.resource in below)
    ]
    rest = (each for each in arns if not any(each.startswith(prefix) for prefix in wide))
    return _Resources(shape, tuple(rest), tuple(sorted(wide)))


def _is_alike(prefix: str, use: PairUse, seconds: int, present: RememberedDecisions) -> bool:
    """Return whether the present policies need no further review for any single ARN below a prefix."""
    found = present.arns_below(prefix, use.pair.action)
    return bool(found) and all(
        present.suffices(use.reviews, use.who, use.request, use.pair._replace(resource=arn), seconds, use.held)
        for arn in found
    )


def _shape(pair: GrantedPair, actions: ActionTable) -> ResourceShape:
    if pair.resource == "*":
        known = actions.get(pair.action)
        return ResourceShape.ANY if known and known.resource_types else ResourceShape.NONE
    return ResourceShape.PATTERNS if has_wildcard(pair.resource) else ResourceShape.NAMED


def _levels(names: Iterable[str], actions: ActionTable) -> tuple[AccessLevel, ...]:
    found = {action.level for action in map(actions.get, names) if action}
    return tuple(level for level in AccessLevel if level in found)


def _merged(permits: Iterable[SuggestedPermit]) -> list[SuggestedPermit]:
    """Return the permits, after merging those that differ only in the agent."""
    found: dict[Hashable, list[SuggestedPermit]] = {}
    for each in permits:
        kind = each.place.holder._replace(name="")
        key = (kind, each.place._replace(holder=kind), each.reviews, each.seconds, each.actions, each.conditions,
               each.shape, each.arns, each.prefixes)  # fmt: skip
        found.setdefault(key, []).append(each)
    return [
        replace(
            group[0],
            holders=tuple(sorted({holder for each in group for holder in each.holders})),
            uses=tuple(use for each in group for use in each.uses),
        )
        for group in found.values()
    ]
