"""Evaluates the policies for each pair of a request, with given approvals and a given duration."""

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import cedarpy

from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.patterns import Budget, Pattern, PatternTooComplex, has_wildcard, wildcard_pattern
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.condition_witnesses import Call, PairCalls
from jitney.core.policy.entities import Entity, call_uid, principal_entity, resource_entity, target_entity, uid
from jitney.core.policy.pairs import Pair
from jitney.core.policy.reach import reach_risks
from jitney.core.policy.risks import CompletedEscalation, risks_of

# ARNs evaluated for one request, about 60 ms each time. Only patterns built to be slow come near.
MAX_MEMBERS = 1000

# Answers cached for one target and the principals that policies cannot distinguish, about 1 kB each.
MAX_REMEMBERED = 2000

_Resource: TypeAlias = tuple[bool, Hashable]
_Key: TypeAlias = tuple[Hashable, _Resource, Call, int, tuple[str, ...]]
"""What policies see of one request, apart from principal and target: action, resource, the values of the call's
condition keys, seconds and approvals.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A pair, and the ARNs and calls to evaluate for it.

    What holds for all `members` and allowed `calls` holds for the pair.

    `members` maps each ARN to its class (`PolicySet.match_class`). It holds the resource itself when that is a single
    ARN, and "*" for an action that AWS cannot restrict to resources. `risks` are the names of the pair's risks; `gains`
    are the escalations that it contributes to.
    """

    pair: Pair
    members: Mapping[str, Hashable]
    wildcard: bool
    risks: frozenset[str]
    gains: tuple[CompletedEscalation, ...]
    calls: PairCalls

    @property
    def evaluations(self) -> int:
        """How many evaluations answer the question."""
        return len(self.members) * (len(self.calls.allowed) + len(self.calls.longer))


class PairVerdict(NamedTuple):
    """The policies' answer to one question.

    `policies` are the ids of the policies that decided: permits when `allowed`, otherwise forbids. They are () when no
    policy permits the pair. `failed` names policies that could not be evaluated. `wildcards_only` says that the pair is
    denied only because of its wildcards.
    """

    question: Question
    allowed: bool
    policies: tuple[str, ...]
    failed: tuple[str, ...] = ()
    wildcards_only: bool = False


class _CedarAnswer(NamedTuple):
    """Cedar's answer to one request: the policies that decided, and those that could not be evaluated."""

    allowed: bool
    policies: frozenset[str]
    failed: frozenset[str]


def questions_of(
    pairs: Iterable[Pair],
    gained: Sequence[CompletedEscalation],
    target: Target,
    policy_set: PolicySet,
    budget: Budget,
    max_members: int = MAX_MEMBERS,
) -> tuple[Question, ...]:
    """Return each pair with the ARNs to evaluate for it and its risks on `target`.

    `gained` are the escalations that the pairs complete together. Raises PatternTooComplex, also for more than
    `max_members` ARNs.
    """
    questions = []
    witnesses: dict[str, Mapping[str, Hashable]] = {}
    singles: dict[str, Mapping[str, Hashable]] = {}
    evaluations = 0
    for pair in pairs:
        patterns = _resource_patterns(pair)
        for key, pattern in patterns.items():
            if key not in witnesses:
                witnesses[key] = policy_set.witnesses(pattern, budget)
        if patterns:
            found: Mapping[str, Hashable] = {arn: kind for key in patterns for arn, kind in witnesses[key].items()}
        else:
            arn = pair.resource
            found = singles.get(arn) or singles.setdefault(arn, {arn: policy_set.match_class(arn)})
        own = tuple(gain for gain in gained if pair.action.name in gain.requested)
        risks = risks_of(pair.action, pair.resource, wildcard=bool(patterns), gained=own, budget=budget)
        risks |= reach_risks(pair.action.name, pair.resource, target)
        calls = policy_set.condition_reads.calls(pair, budget)
        questions.append(Question(pair, found, bool(patterns), risks, own, calls))
        evaluations += questions[-1].evaluations
        if evaluations > max_members:
            raise PatternTooComplex("too many ARNs to evaluate")
    return tuple(questions)


def _resource_patterns(pair: Pair) -> dict[str, Pattern]:
    """Return the patterns of the pair's resource by their texts; {} for a single resource."""
    if pair.resource == "*":
        return {kind.arn_format: kind.pattern for kind in pair.action.resource_types}
    return {pair.resource: wildcard_pattern(pair.resource)} if has_wildcard(pair.resource) else {}


class Evaluation:
    """Evaluates the policies for one principal and target, and for the name of an access profile ("" for none).

    Answers are cached by all that policies see of a request. Only new keys are evaluated.
    """

    def __init__(self, policy_set: PolicySet, principal: Principal, target: Target, profile: str) -> None:
        self._policy_set = policy_set
        self._target = target
        self._human = principal.human is not None
        self._principal = uid(principal.kind.capitalize(), principal.source_identity)
        self._entities = principal_entity(principal), target_entity(target)
        self._profile = profile
        seen = policy_set.principal_reads.key_of(principal)
        tags = tuple(target.tags.items())
        self._answers = _remembered(seen, target.alias, target.account, tags, profile, policy_set)

    def verdicts(self, questions: Sequence[Question], seconds: int, approvals: Iterable[str]) -> list[PairVerdict]:
        """Return the policies' answer to each of `questions` for `seconds`, given the `approvals` of these groups."""
        granted, answers = tuple(sorted(approvals)), self._answers
        if len(answers) > MAX_REMEMBERED:
            answers.clear()
        keyed = [self._keys(question, seconds, granted) for question in questions]
        new = {
            key: (question, arn)
            for question, keys in zip(questions, keyed, strict=True)
            for key, arn in keys.items()
            if key not in answers
        }
        if new:
            answers |= self._evaluate(new, seconds, granted)
        return [
            self._verdict(question, _counting(question, {key: answers[key] for key in keys}))
            for question, keys in zip(questions, keyed, strict=True)
        ]

    def _keys(self, question: Question, seconds: int, approvals: tuple[str, ...]) -> dict[_Key, str]:
        """Return the cache keys of a question's members, each with one ARN that has it."""
        seen = self._policy_set.equivalence.key_of(question.pair.action, question.risks)
        return {
            (seen, (question.wildcard, kind), call, seconds, approvals): arn
            for arn, kind in question.members.items()
            for call in (*question.calls.allowed, *question.calls.longer)
        }

    def _evaluate(
        self, new: Mapping[_Key, tuple[Question, str]], seconds: int, approvals: Collection[str]
    ) -> dict[_Key, _CedarAnswer]:
        """Return Cedar's answer for the ARN of each question."""
        samples = {key[1]: arn for key, (_, arn) in new.items()}
        answers: dict[_Key, _CedarAnswer] = {}
        for kinds in _batches((wildcard, arn) for (wildcard, _), arn in samples.items()):
            chosen = {(wildcard, arn) for (wildcard, _), arn in samples.items() if wildcard in kinds}
            resources = [resource_entity(arn, self._target, wildcard=wildcard) for wildcard, arn in sorted(chosen)]
            calls = [self._call(call) for call in sorted({key[2] for key in new})]
            entities = cedarpy.Entities.from_json_str(
                json.dumps([*self._entities, *resources, *calls]), self._policy_set.schema
            )
            requests = {
                key: self._request(question, samples[key[1]], key[2], seconds, approvals)
                for key, (question, _) in new.items()
                if question.wildcard in kinds
            }
            results = cedarpy.is_authorized_batch(
                list(requests.values()), self._policy_set.policies, entities, self._policy_set.schema
            )
            answers |= zip(requests, map(self._answer, results), strict=True)
        return answers

    def _call(self, call: Call) -> Entity:
        tags = self._policy_set.condition_reads.tags(call)
        return {"uid": call_uid(call), "attrs": {}, "parents": [], "tags": tags}

    def _request(self, question: Question, arn: str, call: Call, seconds: int, approvals: Collection[str]) -> Entity:
        action = question.pair.action
        context = {
            "action": action.name,
            "service": action.service,
            "target": self._target.alias,
            "durationSeconds": seconds,
            "approvals": sorted(approvals),
            "risks": sorted(question.risks),
            "onBehalfOfHuman": self._human,
            "call": {"__entity": call_uid(call)},
            "accessProfile": self._profile,
        }
        return {
            "principal": self._principal,
            "action": uid("Action", action.level),
            "resource": uid("Resource", arn),
            "context": json.dumps(context),
        }

    def _answer(self, result: cedarpy.AuthzResult) -> _CedarAnswer:
        diagnostics = result.diagnostics
        return _CedarAnswer(
            allowed=result.allowed,
            policies=frozenset(diagnostics.id_annotations_by_reason.values()),
            failed=frozenset(self._policy_set.name_in(error) for error in diagnostics.errors),
        )

    def _verdict(self, question: Question, answers: Sequence[_CedarAnswer]) -> PairVerdict:
        failed = _named(each.failed for each in answers)
        if failed:
            return PairVerdict(question, allowed=False, policies=(), failed=failed)
        refused = [each.policies for each in answers if not each.allowed]
        if refused:
            return PairVerdict(question, allowed=False, policies=_named(refused))
        if question.wildcard and not all(self._permits_wildcards(each.policies) for each in answers):
            return PairVerdict(question, allowed=False, policies=(), wildcards_only=True)
        return PairVerdict(question, allowed=True, policies=_named(each.policies for each in answers))

    def _permits_wildcards(self, permits: Iterable[str]) -> bool:
        return any(self._policy_set.rules[name].wildcards for name in permits)


def _counting(question: Question, answers: Mapping[_Key, _CedarAnswer]) -> list[_CedarAnswer]:
    """Return the answers that count. About a longer prefix, these are errors and the denials by a forbid."""
    if not question.calls.longer:
        return list(answers.values())
    allowed = frozenset(question.calls.allowed)
    return [
        answer
        for (_, _, call, _, _), answer in answers.items()
        if call in allowed or answer.failed or (answer.policies and not answer.allowed)
    ]


def _named(answers: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Return the policies of several answers, sorted. Most answers are the same object."""
    distinct = set(answers)
    return tuple(sorted(frozenset[str]().union(*distinct)))


@lru_cache(maxsize=256)
def _remembered(
    _principal: Hashable,
    _alias: str,
    _account: str,
    _tags: tuple[tuple[str, str], ...],
    _profile: str,
    _policy_set: PolicySet,
) -> dict[_Key, _CedarAnswer]:
    """Return the answers cached for a target, an access profile, and all principals with a key of `PrincipalReads`."""
    return {}


def _batches(asked: Iterable[tuple[bool, str]]) -> list[set[bool]]:
    """Return the values of "wildcard" in batches that can be evaluated together.

    An ARN may be requested by itself and also match a requested wildcard. That makes two entities with the same name,
    which one batch cannot hold.
    """
    arns: dict[bool, set[str]] = {}
    for wildcard, arn in asked:
        arns.setdefault(wildcard, set()).add(arn)
    return [set(arns)] if not set.intersection(*arns.values()) or len(arns) == 1 else [{kind} for kind in arns]
