"""What the policies say to each pair of a request, for given approvals and a given duration."""

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import cedarpy

from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.patterns import Budget, Pattern, PatternTooComplex, has_wildcard, wildcard_pattern
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.pairs import Pair
from jitney.core.policy.risks import CompletedEscalation, risks_of

# ARNs that one request may be looked at through, about 60 ms each time; only patterns made to be slow come near.
MAX_MEMBERS = 1000

# Answers remembered of one principal and target, about 1 kB each.
MAX_REMEMBERED = 2000

Entity: TypeAlias = dict[str, Any]
_Cell: TypeAlias = tuple[bool, Hashable]
_Key: TypeAlias = tuple[Hashable, _Cell, int, tuple[str, ...]]
"""All that policies can tell of a request of one principal for one target: action, resource, seconds and approvals."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A pair, and the ARNs that stand for its resource: what holds for all `members` holds for the resource.

    `members` is the resource itself when it is a single ARN, or "*" for an action that AWS restricts to no resource.
    `risks` are the names of the pair's risks, and `gains` the ways to gain permissions in which it takes part.
    """

    pair: Pair
    members: tuple[str, ...]
    wildcard: bool
    risks: frozenset[str]
    gains: tuple[CompletedEscalation, ...]


class PairVerdict(NamedTuple):
    """What the policies say to one question.

    `policies` are the ids of those that decided: permits when it is `allowed`, else forbids, () when none permits it.
    `failed` are those that could not be evaluated; `wild` says that only for its wildcards it is not permitted.
    """

    question: Question
    allowed: bool
    policies: tuple[str, ...]
    failed: tuple[str, ...] = ()
    wild: bool = False


class _CedarAnswer(NamedTuple):
    """What Cedar said to one request: by which policies, and which of them could not be evaluated."""

    allowed: bool
    policies: frozenset[str]
    failed: frozenset[str]


def questions_of(
    pairs: Iterable[Pair], gained: Sequence[CompletedEscalation], policy_set: PolicySet, budget: Budget
) -> tuple[Question, ...]:
    """Each pair with the ARNs to look at in its place, and with its risks; `gained` is what the pairs gain as a whole.

    Raises PatternTooComplex.
    """
    questions = []
    witnesses: dict[str, tuple[str, ...]] = {}
    members = 0
    for pair in pairs:
        reach = _resource_patterns(pair)
        for key, pattern in reach.items():
            if key not in witnesses:
                witnesses[key] = policy_set.witnesses(pattern, budget)
        found = tuple(arn for key in reach for arn in witnesses[key]) or (pair.resource,)
        own = tuple(gain for gain in gained if pair.action.name in gain.asked)
        risks = risks_of(pair.action, pair.resource, wildcard=bool(reach), gained=own, budget=budget)
        questions.append(Question(pair, found, bool(reach), risks, own))
        members += len(found)
        if members > MAX_MEMBERS:
            raise PatternTooComplex("too many cases to put to the policies")
    return tuple(questions)


def _resource_patterns(pair: Pair) -> dict[str, Pattern]:
    """The patterns that the pair's resource stands for, by their text; empty when it stands for itself alone."""
    if pair.resource == "*":
        return {kind.arn_format: kind.pattern for kind in pair.action.resource_types}
    return {pair.resource: wildcard_pattern(pair.resource)} if has_wildcard(pair.resource) else {}


class Evaluation:
    """The policies, and one request's principal and target before them.

    What they said is remembered by all that they can tell of a request: they are asked for what is new to them.
    """

    def __init__(
        self, policy_set: PolicySet, principal: Principal, target: Target, questions: Sequence[Question]
    ) -> None:
        self._policy_set = policy_set
        self._target = target
        self._human = principal.human is not None
        self._principal = _uid(principal.kind.capitalize(), principal.source_identity)
        self._known = _known_entities(json.dumps([_principal(principal), _target(target)]), policy_set)
        asked = {(question.wildcard, arn) for question in questions for arn in question.members}
        self._cells = {each: (each[0], policy_set.cell(each[1])) for each in asked}

    def verdicts(self, questions: Sequence[Question], seconds: int, approvals: Iterable[str]) -> list[PairVerdict]:
        """What the policies say to each of `questions` for so many `seconds` with the `approvals` of these groups."""
        granted, told = tuple(sorted(approvals)), self._known.told
        if len(told) > MAX_REMEMBERED:
            told.clear()
        keyed = [self._keys(question, seconds, granted) for question in questions]
        new = {
            key: (question, arn)
            for question, keys in zip(questions, keyed, strict=True)
            for key, arn in keys.items()
            if key not in told
        }
        if new:
            told |= self._asked(new, seconds, granted)
        return [
            self._verdict(question, [told[key] for key in keys])
            for question, keys in zip(questions, keyed, strict=True)
        ]

    def _keys(self, question: Question, seconds: int, approvals: tuple[str, ...]) -> dict[_Key, str]:
        """What policies can tell of each member's request, with one of the ARNs that are equal in it."""
        seen = self._policy_set.sight.of(question.pair.action, question.risks)
        return {(seen, self._cells[question.wildcard, arn], seconds, approvals): arn for arn in question.members}

    def _asked(
        self, new: Mapping[_Key, tuple[Question, str]], seconds: int, approvals: Collection[str]
    ) -> dict[_Key, _CedarAnswer]:
        """What Cedar says to a request of each question about its ARN."""
        delegates = {self._cells[question.wildcard, arn]: arn for question, arn in new.values()}
        told: dict[_Key, _CedarAnswer] = {}
        for kinds in _apart((wildcard, arn) for (wildcard, _), arn in delegates.items()):
            chosen = {(wildcard, arn) for (wildcard, _), arn in delegates.items() if wildcard in kinds}
            entities = self._known.entities.with_added_json_str(
                json.dumps([_resource(arn, self._target, wildcard=wildcard) for wildcard, arn in sorted(chosen)]),
                self._policy_set.schema,
            )
            requests = {
                key: self._request(question, delegates[key[1]], seconds, approvals)
                for key, (question, _) in new.items()
                if question.wildcard in kinds
            }
            results = cedarpy.is_authorized_batch(
                list(requests.values()), self._policy_set.policies, entities, self._policy_set.schema
            )
            told |= zip(requests, map(self._told, results), strict=True)
        return told

    def _request(self, question: Question, arn: str, seconds: int, approvals: Collection[str]) -> Entity:
        action = question.pair.action
        context = {
            "action": action.name,
            "service": action.service,
            "target": self._target.alias,
            "durationSeconds": seconds,
            "approvals": sorted(approvals),
            "risks": sorted(question.risks),
            "onBehalfOfHuman": self._human,
        }
        return {
            "principal": self._principal,
            "action": _uid("Action", action.level),
            "resource": _uid("Resource", arn),
            "context": json.dumps(context),
        }

    def _told(self, result: cedarpy.AuthzResult) -> _CedarAnswer:
        diagnostics = result.diagnostics
        return _CedarAnswer(
            allowed=result.allowed,
            policies=frozenset(diagnostics.id_annotations_by_reason.values()),
            failed=frozenset(self._policy_set.name_in(error) for error in diagnostics.errors),
        )

    def _verdict(self, question: Question, told: Sequence[_CedarAnswer]) -> PairVerdict:
        failed = frozenset[str]().union(*(each.failed for each in told))
        if failed:
            return PairVerdict(question, allowed=False, policies=(), failed=tuple(sorted(failed)))
        refused = [each for each in told if not each.allowed]
        policies = tuple(sorted(frozenset[str]().union(*(each.policies for each in refused or told))))
        if refused:
            return PairVerdict(question, allowed=False, policies=policies)
        if question.wildcard and not all(self._permits_wildcards(each.policies) for each in told):
            return PairVerdict(question, allowed=False, policies=(), wild=True)
        return PairVerdict(question, allowed=True, policies=policies)

    def _permits_wildcards(self, permits: Iterable[str]) -> bool:
        return any(self._policy_set.rules[name].wildcards for name in permits)


class _KnownEntities(NamedTuple):
    """A principal and a target as Cedar's entities, and what the policies have told of them."""

    entities: cedarpy.Entities
    told: dict[_Key, _CedarAnswer]


@lru_cache(maxsize=256)
def _known_entities(entities: str, policy_set: PolicySet) -> _KnownEntities:
    """Of entities in JSON, which are validated. Who asks, and for which target, is mostly who asked before."""
    return _KnownEntities(cedarpy.Entities.from_json_str(entities, policy_set.schema), {})


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": f"Jitney::{kind}", "id": name}


def _principal(principal: Principal) -> Entity:
    attributes = {"issuer": principal.issuer, "subject": principal.subject, "kind": principal.kind}
    return {
        "uid": _uid(principal.kind.capitalize(), principal.source_identity),
        "attrs": attributes if principal.human is None else {**attributes, "human": principal.human},
        "parents": [_uid("Group", group) for group in sorted(principal.groups)],
    }


def _target(target: Target) -> Entity:
    return {
        "uid": _uid("Target", target.alias),
        "attrs": {"account": target.account},
        "parents": [_uid("Account", target.account)],
        "tags": dict(target.tags),
    }


def _apart(asked: Iterable[tuple[bool, str]]) -> list[set[bool]]:
    """With and without wildcards, together if they can be.

    An ARN may be asked for and also be what a wildcard stands for: two entities of one name, which no set can hold.
    """
    arns: dict[bool, set[str]] = {}
    for wildcard, arn in asked:
        arns.setdefault(wildcard, set()).add(arn)
    return [set(arns)] if not set.intersection(*arns.values()) or len(arns) == 1 else [{kind} for kind in arns]


def _resource(arn: str, target: Target, *, wildcard: bool) -> Entity:
    _, _, service, region, account, _ = arn.split(":", 5) if arn != "*" else [""] * 6
    attributes = {"arn": arn, "service": service, "region": region, "account": account, "wildcard": wildcard}
    return {
        "uid": _uid("Resource", arn),
        "attrs": {**attributes, "target": {"__entity": _uid("Target", target.alias)}},
        "parents": [_uid("Target", target.alias)],
    }
