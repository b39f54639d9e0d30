"""Suggests the narrowest permits that cover what was used, and checks them by deciding each used request again.

The forbids of the present policies stay, and decide together with the suggestion. Requests that the present policies
review stay under review. If the suggestion would allow such a request without a review, the permits are built again
with the review.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from jitney.core.access.decision import Effect
from jitney.core.access.request import GrantedPair, Way
from jitney.core.config import Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy_suggestion.permit_text import permit_text
from jitney.core.policy_suggestion.remembered_decisions import (
    RememberedDecisions,
    Reviews,
    reviews_of,
    suffices,
    with_pairs,
)
from jitney.core.policy_suggestion.suggested_permits import (
    PairUse,
    PermitHolder,
    PermitPlace,
    SuggestedPermit,
    suggested_permits,
)
from jitney.core.policy_suggestion.used_grants import ScopeKind, SuggestionScope, UsedGrant
from jitney.core.replay.recorded_requests import RecordedRequest
from jitney.core.report.suggestion import KeptPair

DECIDED_TOGETHER = 100
"""The limit of pairs of one used request that are decided together. More could exceed the limits of a request."""
MOST_ROUNDS = 6
"""How often permits are built again with further reviews."""
_NO_SLUG = re.compile(r"[^A-Za-z0-9]+", re.ASCII)


class SuggestionSource(NamedTuple):
    """The inputs of a suggestion: the scope, the present policies, and the texts of their forbids and schema.

    `least` is how many resources must have been used below a prefix to permit the whole prefix.
    """

    scope: SuggestionScope
    context: CaseContext
    forbids: str
    schema: str
    least: int


class NamedPermit(NamedTuple):
    """A permit with its @id and its Cedar text."""

    name: str
    permit: SuggestedPermit
    text: str


class UncoveredUse(NamedTuple):
    """Something used that the suggestion does not permit, with the reason."""

    target: str
    pair: GrantedPair
    reason: str


class UnusedPair(NamedTuple):
    """A granted pair of action and resource that no call used, with the number of grants that had it."""

    target: str
    pair: GrantedPair
    grants: int


class Checked(NamedTuple):
    """How the used requests are decided under the suggestion.

    `allowed` and `reviewed` count requests. `denied` are ids of grants whose used request is denied. `less_reviewed`
    are ids of grants for which the suggestion would need fewer approvals than the present policies. Unless
    `less_reviewed` is (), the suggestion must not be used.
    """

    allowed: int
    reviewed: int
    denied: tuple[str, ...]
    less_reviewed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicySuggestion:
    """Suggested permits, in order. `grants` counts the grants, and `used` those that were used.

    `unused` are the granted permissions that no request used. `replaced` are the present permits that decided about
    what was used. `rules` are the permits with the present forbids, ready to decide; None if there are no permits.
    """

    permits: tuple[NamedPermit, ...]
    checked: Checked
    grants: int
    used: int
    uncovered: tuple[UncoveredUse, ...]
    unused: tuple[UnusedPair, ...]
    replaced: tuple[str, ...]
    rules: CaseContext | None


@dataclass(slots=True)
class _Uses:
    """The permitted uses by place, pair and reviews, the denied uses, and the ids of the permits that permit uses."""

    found: dict[tuple[PermitPlace, GrantedPair, Reviews], PairUse] = field(default_factory=dict)
    denied: dict[tuple[PermitPlace, GrantedPair], UncoveredUse] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)


def suggest_policy(grants: Sequence[UsedGrant], source: SuggestionSource) -> PolicySuggestion:
    """Return the suggestion that covers the used part of `grants`."""
    present = RememberedDecisions(source.context)
    stricter: dict[tuple[PermitPlace, GrantedPair], Reviews] = {}
    for _ in range(MOST_ROUNDS):
        uses = _collected(grants, source.scope, present, stricter)
        named = _named(suggested_permits(uses.found.values(), present, source.least), source)
        rules = _rules(named, source) if named else None
        checked, further = _checked(grants, uses, source.scope, present, rules)
        if not further:
            break
        for key, reviews in further.items():
            stricter[key] = stricter.get(key, frozenset()) | reviews
    return PolicySuggestion(
        permits=named,
        checked=checked,
        grants=len(grants),
        used=sum(bool(each.kept) for each in grants),
        uncovered=tuple(uses.denied.values()),
        unused=_unused(grants),
        replaced=tuple(sorted(uses.replaced)),
        rules=rules,
    )


def _place(recorded: RecordedRequest, scope: SuggestionScope, present: RememberedDecisions) -> PermitPlace:
    who, request, group = recorded.principal, recorded.request, scope.name if scope.kind is ScopeKind.GROUP else ""
    holder = PermitHolder(who.kind, group, "" if group else who.source_identity)
    person = who.human.name if who.human and present.compares_people else ""
    asked = request.target, request.way, request.reveal, request.access_profile, who.human is not None
    return PermitPlace(holder, *asked, person)


def _asked_as(recorded: RecordedRequest, scope: SuggestionScope) -> Principal:
    """Return the requester that the present policies decide about.

    For a group, this is a member without other groups and claims, so that no member gets more than now.
    """
    who = recorded.principal
    if scope.kind is not ScopeKind.GROUP:
        return who
    return replace(who, groups=frozenset({scope.name}), tags=(), source_identity="any.member", subject="any member")


def _collected(
    grants: Iterable[UsedGrant],
    scope: SuggestionScope,
    present: RememberedDecisions,
    stricter: dict[tuple[PermitPlace, GrantedPair], Reviews],
) -> _Uses:
    uses = _Uses()
    for grant in grants:
        place, who = _place(grant.recorded, scope, present), _asked_as(grant.recorded, scope)
        for kept in grant.kept:
            _collect(uses, grant, kept, place, who, present, stricter.get((place, kept.pair), frozenset()))
    return uses


def _collect(
    uses: _Uses,
    grant: UsedGrant,
    kept: KeptPair,
    place: PermitPlace,
    who: Principal,
    present: RememberedDecisions,
    stricter: Reviews,
) -> None:
    """Add one use, with the reviews that the present policies need for it."""
    recorded = grant.recorded
    request, held, pair = recorded.request, recorded.inputs.held, kept.pair
    seconds = request.duration_seconds
    if _unwritable(pair):
        uses.denied[place, pair] = UncoveredUse(place.target, pair, "Cedar cannot compare with a `?` wildcard")
        return
    decision = present.on_pair(who, request, pair, seconds, held)
    if decision is None or (unsuitable := present.unsuitable(decision)):
        denied = "the present policies deny it, by a limit" if decision is None else unsuitable
        uses.denied[place, pair] = UncoveredUse(place.target, pair, denied)
        return
    reviews = reviews_of(decision) | stricter
    for shorter in present.shorter_than(seconds):
        also = present.on_pair(who, request, pair, shorter, held)
        if also and (unsuitable := present.unsuitable(also)):
            uses.denied[place, pair] = UncoveredUse(place.target, pair, f"for {shorter} s, {unsuitable}")
            return
        reviews |= reviews_of(also) if also and not suffices(reviews, also) else frozenset()
    limited = place._replace(call_limits=decision.call_limits) if place.way is Way.GATEWAY else place
    use = uses.found.setdefault((limited, pair, reviews), PairUse(limited, pair, reviews, who, request, held))
    rules = present.context.policy_set.rules
    uses.replaced |= {each.policy for each in decision.reasons if each.policy in rules and rules[each.policy].permits}
    use.seconds.add(seconds)
    use.grants.add(recorded.grant_id)
    use.called |= not kept.gap
    use.gaps |= {str(kept.gap)} if kept.gap else set()
    use.last = max(use.last, (recorded.time, recorded.grant_id, grant.reason))


def _unwritable(pair: GrantedPair) -> bool:
    """Return whether `like` would match more than the pair's pattern, because Cedar's `like` has `*` and no `?`."""
    texts = [pair.resource, *(value for each in pair.conditions if each.operator.has_patterns for value in each.values)]
    return any("?" in text for text in texts)


def _named(permits: Iterable[SuggestedPermit], source: SuggestionSource) -> tuple[NamedPermit, ...]:
    """Return the permits with ids that no present policy has, in the order of targets, actions and resources."""
    ordered = sorted(
        permits,
        key=lambda each: (each.place.target, each.actions, each.arns, each.prefixes, repr(each.place), each.seconds),
    )
    slug = _NO_SLUG.sub("-", source.scope.name).strip("-")[:40]
    taken, number, found = source.context.policy_set.rules.keys(), 0, []
    for each in ordered:
        number += 1
        while (name := f"suggested-{slug}-{number}") in taken:
            number += 1
        found.append(NamedPermit(name, each, permit_text(each, name)))
    return tuple(found)


def _rules(named: Collection[NamedPermit], source: SuggestionSource) -> CaseContext:
    """Return the suggested permits and the present forbids, ready to decide. Raises InvalidPolicies, ValueError."""
    text = "\n".join([*(each.text for each in named), source.forbids])
    loaded = PolicySet.load(Policies(text, source.schema, "suggestion"))
    return replace(source.context, policy_set=loaded)


def _checked(
    grants: Iterable[UsedGrant],
    uses: _Uses,
    scope: SuggestionScope,
    present: RememberedDecisions,
    rules: CaseContext | None,
) -> tuple[Checked, dict[tuple[PermitPlace, GrantedPair], Reviews]]:
    """Return how the used requests are decided under `rules`, and the further reviews that pairs need."""
    suggested = RememberedDecisions(rules) if rules else None
    effects: Counter[Effect] = Counter()
    denied, less_reviewed = list[str](), list[str]()
    further: dict[tuple[PermitPlace, GrantedPair], Reviews] = {}
    for grant in grants:
        place, recorded = _place(grant.recorded, scope, present), grant.recorded
        pairs = [each.pair for each in grant.kept if (place, each.pair) not in uses.denied]
        if not pairs or suggested is None:
            continue
        worst = Effect.ALLOW
        for some in _batches(pairs):
            request = with_pairs(recorded.request, some, recorded.request.duration_seconds)
            new = suggested.decision(recorded.principal, request, recorded.inputs.held)
            old = present.decision(recorded.principal, request, recorded.inputs.held)
            if new is None or new.effect is Effect.DENY:
                worst = Effect.DENY
                continue
            if new.effect is Effect.REVIEW and worst is Effect.ALLOW:
                worst = Effect.REVIEW
            if not suffices(reviews_of(new), old):
                less_reviewed.append(recorded.grant_id)
                wanted = reviews_of(old) if old and old.effect is Effect.REVIEW else frozenset()
                for pair in some if wanted else ():
                    further[place, pair] = further.get((place, pair), frozenset()) | wanted
        effects[worst] += 1
        denied += [recorded.grant_id] if worst is Effect.DENY else []
    checked = Checked(effects[Effect.ALLOW], effects[Effect.REVIEW], tuple(denied), tuple(dict.fromkeys(less_reviewed)))
    return checked, further


def _batches(pairs: Sequence[GrantedPair]) -> Iterator[Sequence[GrantedPair]]:
    for start in range(0, len(pairs), DECIDED_TOGETHER):
        yield pairs[start : start + DECIDED_TOGETHER]


def _unused(grants: Iterable[UsedGrant]) -> tuple[UnusedPair, ...]:
    found: Counter[tuple[str, GrantedPair]] = Counter()
    kept: set[tuple[str, GrantedPair]] = set()
    for each in grants:
        target = each.recorded.request.target
        found.update((target, pair) for pair in each.unused)
        kept |= {(target, one.pair) for one in each.kept}
    return tuple(UnusedPair(*key, count) for key, count in sorted(found.items()) if key not in kept)
