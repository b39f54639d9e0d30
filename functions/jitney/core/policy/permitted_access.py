"""What policies permit a principal on a target, as far as permits name it.

Each pattern, service and condition value that a permit names is a proposal. Policies are evaluated for each proposal,
so nothing is listed that they do not permit. A literal is listed only if its own permit permits the access. Access that
no permit names, such as a part of a wider pattern, has no entry of its own.

Each action is evaluated alone. A combination of permitted actions can still be denied.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from jitney.core.access.conditions import Conditions
from jitney.core.access.decision import Effect
from jitney.core.access.request import Way
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.patterns import PatternTooComplex
from jitney.core.policy.permits import ANY_RESOURCE, PermitScopes
from jitney.core.policy.permitted_terms import Asked, Evaluator, Exhausted, Kind, PermitTerms, WayTerms
from jitney.core.policy.proposals import ANY_SERVICE, Proposal, proposals
from jitney.core.target_config import Target

MAX_NAMED_ACTIONS = 25
"""The most actions that one entry names. An entry with more actions names none of them, and is partial."""

_BATCH = 10
_SAMPLE_NAME = str.maketrans("*?", "~~")


class PermittedAccess(NamedTuple):
    """Access that policies permit: `actions` on `resources`, for calls that satisfy `conditions`.

    Without `actions`, it is all actions of `services` with the level that act on the resources. With `wildcards`,
    resources may be requested with wildcards. Otherwise, each is requested by its own ARN. With `partial`, policies
    permit only some of it.
    """

    level: AccessLevel
    services: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions
    wildcards: bool
    partial: bool
    terms: PermitTerms
    ways: tuple[Way, ...]


class AccessList(NamedTuple):
    """What policies permit on a target. It is `whole` if all proposals were evaluated."""

    access: tuple[PermittedAccess, ...]
    whole: bool


class _Candidate(NamedTuple):
    """A kind of actions to evaluate for a proposal, under `conditions`. One of `permits` must permit it.

    `place` is its number in its stage. A part of a candidate has the same number. With `is_sample`, the kind is about
    only one ARN of the proposal.
    """

    place: int
    proposal: Proposal
    permits: frozenset[str]
    wildcards: bool
    is_sample: bool
    kind: Kind
    conditions: Conditions = ()


class _FoundTerms(NamedTuple):
    """The terms of a candidate, or of a part of the candidate if `partial` is set."""

    candidate: _Candidate
    terms: WayTerms
    partial: bool


def permitted_access(scopes: PermitScopes, target: Target, actions: ActionTable, evaluator: Evaluator) -> AccessList:
    """Return what the permits in `scopes` permit on the target."""
    entries: list[PermittedAccess] = []
    try:
        for level, permits in scopes.items():
            served: set[str] = set()
            stages = proposals(level, permits, target, actions, evaluator.budget)
            for batch in (batch for stage in stages for batch in _batched(stage)):
                found = _found(batch, served, evaluator)
                served.update(permit.id for each in found for permit in each.candidate.proposal.permits)
                entries += _entries(found)
    except (Exhausted, PatternTooComplex):
        return AccessList(tuple(entries), whole=False)
    return AccessList(tuple(entries), whole=True)


def _batched(stage: Sequence[Proposal]) -> Iterator[Sequence[Proposal]]:
    """Yield the proposals in batches. Results of earlier batches are kept if a later batch exhausts the evaluator."""
    yield from (stage[start : start + _BATCH] for start in range(0, len(stage), _BATCH))


def _found(stage: Iterable[Proposal], served: AbstractSet[str], evaluator: Evaluator) -> list[_FoundTerms]:
    """Return what policies permit of the proposals of one stage. Raises Exhausted and PatternTooComplex.

    If policies permit only a part of a proposal, the literals that name the part have entries of their own. So
    proposals without a literal are sampled only for permits that are not `served`: nothing was found for their
    literals.
    """
    kinds = [
        (each, wildcards, is_sample, kind)
        for each in stage
        if not each.any_service or not each.permit_ids <= served
        for wildcards in each.modes
        for is_sample, kind in _kinds(each, evaluator, wildcards=wildcards)
    ]
    candidates = [
        _Candidate(place, each, each.permit_ids, wildcards, is_sample, kind)
        for place, (each, wildcards, is_sample, kind) in enumerate(kinds)
    ]
    found, rest = _evaluated(candidates, evaluator)
    rest = [each for each in rest if not each.is_sample]
    limited, _ = _evaluated([under for each in rest for under in _under_conditions(each, evaluator)], evaluator)
    done = {each.candidate.place for each in limited}
    partly = [_unserved(each, served) for each in rest if each.place not in done]
    return found + limited + _sampled([each for each in partly if each.permits], evaluator)


def _kinds(proposal: Proposal, evaluator: Evaluator, *, wildcards: bool) -> Iterator[tuple[bool, Kind]]:
    """Yield the kinds of a proposal, each with whether it is about only one ARN. Raises PatternTooComplex.

    If policies name very many parts of the resource, its ARNs have too many classes, and one ARN stands for all.
    """
    try:
        kinds = evaluator.kinds(proposal.acting, proposal.resource, (), wildcards=wildcards)
        yield from ((False, kind) for kind in kinds)
    except PatternTooComplex:
        if not wildcards:
            arn = proposal.resource.translate(_SAMPLE_NAME)
            acting = [action for action in proposal.acting if action.acts_on(arn, evaluator.budget)]
            yield from ((True, kind) for kind in evaluator.kinds(acting, arn, (), wildcards=False))


def _unserved(candidate: _Candidate, served: AbstractSet[str]) -> _Candidate:
    return candidate._replace(permits=candidate.permits - served) if candidate.proposal.general else candidate


def _evaluated(candidates: Sequence[_Candidate], evaluator: Evaluator) -> tuple[list[_FoundTerms], list[_Candidate]]:
    """Return what policies permit as a whole, and the other candidates. Raises Exhausted."""
    terms = evaluator.terms([Asked(each.kind.question, each.permits) for each in candidates])
    pairs = list(zip(candidates, terms, strict=True))
    found = [_FoundTerms(each, found, partial=each.is_sample) for each, found in pairs if found]
    return found, [each for each, found in pairs if not found]


def _under_conditions(candidate: _Candidate, evaluator: Evaluator) -> Iterator[_Candidate]:
    """Yield the candidate under each condition that its permits name. Raises PatternTooComplex."""
    proposal, kind = candidate.proposal, candidate.kind
    for condition in dict.fromkeys(each for permit in proposal.permits for each in permit.conditions):
        carrying = [
            each for each in kind.actions if condition.family in each.keys_on(proposal.resource, evaluator.budget)
        ]
        for limited in evaluator.kinds(carrying, proposal.resource, (condition,), wildcards=candidate.wildcards):
            yield candidate._replace(kind=limited, conditions=(condition,))


def _sampled(candidates: Sequence[_Candidate], evaluator: Evaluator) -> list[_FoundTerms]:
    """Return the terms of a part of each candidate. A part that is allowed without a review is preferred.

    Raises Exhausted and PatternTooComplex.
    """
    whole = {each.place: each for each in candidates}
    parts = [
        each._replace(kind=part)
        for each in candidates
        for part in evaluator.samples(each.kind, each.proposal.resource, wildcards=each.wildcards)
    ]
    found, _ = _evaluated(parts, evaluator)
    reviewed_first = sorted(found, key=lambda each: any(terms.effect is Effect.ALLOW for terms, _ in each.terms))
    best = {each.candidate.place: each.terms for each in reviewed_first}
    return [_FoundTerms(whole[place], terms, partial=True) for place, terms in sorted(best.items())]


class _Alike(NamedTuple):
    """What the actions of one entry have in common."""

    proposal: Proposal
    wildcards: bool
    conditions: Conditions
    partial: bool
    terms: PermitTerms
    ways: tuple[Way, ...]


def _entries(found: Iterable[_FoundTerms]) -> Iterator[PermittedAccess]:
    """Yield the entries. Actions that are permitted in the same way share one entry."""
    alike: dict[_Alike, list[str]] = defaultdict(list)
    for (_, proposal, _, wildcards, _, kind, conditions), found_terms, partial in found:
        for terms in {terms for terms, _ in found_terms}:
            ways = tuple(way for way in Way if (terms, way) in found_terms)
            key = _Alike(proposal, wildcards, conditions, partial, terms, ways)
            alike[key] += [action.name for action in kind.actions]
    for key, names in alike.items():
        proposal = key.proposal
        shown = () if len(names) == len(proposal.acting) else tuple(sorted(names))
        many, everything = len(shown) > MAX_NAMED_ACTIONS, proposal.any_service
        yield PermittedAccess(
            level=proposal.level,
            services=(ANY_SERVICE,) if everything else (proposal.service,),
            actions=() if many or everything else shown,
            resources=(ANY_RESOURCE,) if everything else (proposal.resource,),
            conditions=key.conditions,
            wildcards=key.wildcards,
            partial=key.partial or many or everything,
            terms=key.terms,
            ways=key.ways,
        )
