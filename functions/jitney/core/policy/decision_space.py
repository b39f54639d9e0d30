"""The requests for which the answers of policies can differ, generated from what the policies compare (row POL 14).

Policies distinguish principals, actions, resources, durations and calls only by the literals that they name. So the
space has a value on each side of each literal: each group and no group, each kind of ARN, each duration and the second
after it. The space is finite. `walk` spreads its first requests over all of it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Any, Literal, NamedTuple

from jitney.core.access.request import AccessRequest, Way
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.identity.principal import ClaimTags, Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.claim_combinations import claim_combinations
from jitney.core.policy.literals import DURATION
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.principal_reads import group_sets
from jitney.core.policy.space_scopes import ScopeGenerator, SpaceScope
from jitney.core.stored_identity import Identity, identity_of

MOST_CLAIMS = 24
"""The limit of combinations of claims."""
_ISSUER = "https://idp.example.com"
_GOLDEN = 0.618033988749895
_WAYS = ((Way.CREDENTIALS, False), (Way.GATEWAY, False), (Way.GATEWAY, True))


class SpaceRequest(NamedTuple):
    """One request of the space, with the requester and the reviewer groups that have approved it, now or earlier.

    `time_windows` are open during the whole grant. A request for the whole access profile `profile` has no permissions.
    Each version of the target adds its own.
    """

    principal: Principal
    request: AccessRequest
    approvals: frozenset[str]
    profile: str = ""
    earlier_approvals: frozenset[str] = frozenset()
    time_windows: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DecisionSpace:
    """All combinations of these values. `reduced` names what has only some of its combinations here."""

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
    reduced: frozenset[str] = frozenset()

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
    generator = ScopeGenerator(versions, sorted(targets), sorted(operations))
    if any(DURATION in rule.mentions for each in sets for rule in each.rules.values()):
        generator.reduced.add("durations")
    return DecisionSpace(
        scopes=tuple(generator.scopes()),
        groups=group_sets(each.principal_reads for each in sets),
        claims=claim_combinations(versions, MOST_CLAIMS, generator.reduced),
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
        reduced=frozenset(generator.reduced),
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
