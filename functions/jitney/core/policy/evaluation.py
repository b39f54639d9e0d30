"""Evaluates the policies for each pair of a request, with given approvals and a given duration."""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, NamedTuple, Self, TypeAlias

import cedarpy

from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.cedar_answers import CedarAnswer, policies_of, without_grant_approvals
from jitney.core.policy.condition_witnesses import Call
from jitney.core.policy.entities import Entity, call_uid, principal_entity, resource_entity, target_entity, uid
from jitney.core.policy.literals import REVEAL, WILDCARD
from jitney.core.policy.questions import Question
from jitney.core.policy.request_context import RequestContext
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target

# The limit of cached answers for one target and for principals that policies cannot distinguish, about 1 kB each.
MAX_REMEMBERED = 2000

_Resource: TypeAlias = tuple[bool, Hashable]


class _Key(NamedTuple):
    """What policies see of one question: the actions and resources that they distinguish."""

    action: Hashable
    resource: _Resource
    call: Call
    seconds: int
    approvals: tuple[str, ...]
    time_windows: tuple[str, ...]

    def context(self) -> dict[str, Any]:
        """Return the members of Cedar's context that this key holds, without the approvals."""
        return {
            "call": {"__entity": call_uid(self.call)},
            "durationSeconds": self.seconds,
            "timeWindows": self.time_windows,
        }


class PairVerdict(NamedTuple):
    """The policies' answer to one question.

    `policies` are the ids of the policies that decided: permits when `allowed`, otherwise forbids. `policies` is ()
    when no policy permits the pair. `failed` names policies that could not be evaluated. `unmentioned` are WILDCARD and
    REVEAL if the pair is denied only because the permits mention neither or only one of them.
    """

    question: Question
    allowed: bool
    policies: tuple[str, ...]
    failed: tuple[str, ...] = ()
    unmentioned: tuple[str, ...] = ()


class Evaluation:
    """Evaluates the policies for one principal and target, and for the context of a request.

    Answers are cached by all that policies see of a request. Only new keys are evaluated.
    """

    def __init__(
        self,
        policy_set: PolicySet,
        principal: Principal,
        target: Target,
        asked: RequestContext,
        windows: WindowTimes,
    ) -> None:
        self._windows = windows
        self._policy_set = policy_set
        self._target = target
        self._human = principal.human is not None
        self._principal = principal
        self._asked = asked
        seen = policy_set.principal_reads.key_of(principal)
        tags = tuple(target.tags.items())
        self._answers = _remembered(seen, target.alias, target.account, tags, asked, policy_set)

    @property
    def earlier(self) -> frozenset[str]:
        """The groups whose earlier approvals policies see."""
        return frozenset(self._asked.earlier_approvals)

    @property
    def earlier_groups(self) -> frozenset[str]:
        """The groups whose earlier approvals the policies name."""
        return self._policy_set.earlier_groups

    def with_earlier(self, groups: frozenset[str]) -> Self:
        """Return the same evaluation, with the earlier approvals of these groups."""
        asked = self._asked._replace(earlier_approvals=tuple(sorted(groups)))
        return type(self)(self._policy_set, self._principal, self._target, asked, self._windows)

    def open_windows(self, seconds: int) -> tuple[tuple[str, ...], ...]:
        """Return each set of time windows that policies see. A call does not last as long as its grant."""
        lasting = self._windows.call_seconds if self._asked.is_call else seconds
        return self._windows.during(lasting, self._policy_set.time_windows)

    def durations_near(self, most: int) -> frozenset[int]:
        """Return the durations below `most` seconds at which the policies' answer may change."""
        near = self._policy_set.near(most)
        return near | self._windows.durations_to_changes(most) if self._policy_set.time_windows else near

    def later(self) -> Iterator[tuple[int, Self]]:
        """Yield the evaluation at each later change of the time windows, with its time, if policies name any."""
        for each in self._windows.later() if self._policy_set.time_windows else ():
            yield each.now, type(self)(self._policy_set, self._principal, self._target, self._asked, each)

    def verdicts(self, questions: Sequence[Question], seconds: int, approvals: Iterable[str]) -> list[PairVerdict]:
        """Return the policies' answer to each of `questions` for `seconds`, given the `approvals` of these groups."""
        granted, answers, windows = tuple(sorted(approvals)), self._answers, self.open_windows(seconds)
        if len(answers) > MAX_REMEMBERED:
            answers.clear()
        keyed = [self._keys(question, seconds, granted, windows) for question in questions]
        new = {
            key: (question, arn)
            for question, keys in zip(questions, keyed, strict=True)
            for key, arn in keys.items()
            if key not in answers
        }
        if new:
            answers |= self._evaluate(new)
        return [
            self._verdict(question, _counting(question, {key: answers[key] for key in keys}))
            for question, keys in zip(questions, keyed, strict=True)
        ]

    def _keys(
        self, question: Question, seconds: int, approvals: tuple[str, ...], windows: Iterable[tuple[str, ...]]
    ) -> dict[_Key, str]:
        """Return the cache keys of a question's members, each with one ARN that has it."""
        seen = self._policy_set.equivalence.key_of(question.pair.action, question.risks)
        return {
            _Key(seen, (question.wildcard, kind), call, seconds, approvals, together): arn
            for together in windows
            for arn, kind in question.members.items()
            for call in (*question.calls.allowed, *question.calls.longer)
        }

    def _evaluate(self, new: Mapping[_Key, tuple[Question, str]]) -> dict[_Key, CedarAnswer]:
        """Return Cedar's answer for each key, which comes with its question and an ARN."""
        samples = {key.resource: arn for key, (_, arn) in new.items()}
        answers: dict[_Key, CedarAnswer] = {}
        for kinds in _batches((wildcard, arn) for (wildcard, _), arn in samples.items()):
            chosen = {(wildcard, arn) for (wildcard, _), arn in samples.items() if wildcard in kinds}
            resources = [resource_entity(arn, self._target, wildcard=wildcard) for wildcard, arn in sorted(chosen)]
            calls = [self._call(call) for call in sorted({key.call for key in new})]
            entities = _loaded(
                json.dumps([principal_entity(self._principal), target_entity(self._target), *resources, *calls]),
                self._policy_set.schema,
            )
            asked = {key: question for key, (question, _) in new.items() if question.wildcard in kinds}
            answers |= zip(asked, self._authorize(asked, samples, entities), strict=True)
        return answers

    def _authorize(
        self, asked: Mapping[_Key, Question], samples: Mapping[_Resource, str], entities: cedarpy.Entities
    ) -> list[CedarAnswer]:
        """Return Cedar's answer to each question.

        In the decision about a call, all policies are evaluated with the approvals of its grant and of the call.
        Policies that look at the call are evaluated once more, with only the call's own approvals.
        """

        def batch(policies: cedarpy.PolicySet, seen: RequestContext) -> list[CedarAnswer]:
            requests = [self._request(question, samples[key.resource], key, seen) for key, question in asked.items()]
            results = cedarpy.is_authorized_batch(requests, policies, entities, self._policy_set.schema)
            return list(map(self._answer, results))

        rules, of_the_call = self._policy_set, self._asked.of_the_call
        every = batch(rules.policies, self._asked)
        if of_the_call == self._asked or rules.about_calls is None:
            return every
        pairs = zip(every, batch(rules.about_calls, of_the_call), strict=True)
        return [without_grant_approvals(whole, own, rules.call_rules) for whole, own in pairs]

    def _call(self, call: Call) -> Entity:
        tags = self._policy_set.condition_reads.tags(call)
        return {"uid": call_uid(call), "attrs": {}, "parents": [], "tags": tags}

    def _request(self, question: Question, arn: str, key: _Key, seen: RequestContext) -> Entity:
        """Return the request to Cedar.

        Answers are cached, so each member of the context must be in the key of the cached answers. The keys of
        `ActionEquivalence` include action, service and risks. Those of `PrincipalReads` include onBehalfOfHuman.
        """
        action = question.pair.action
        context = {
            "action": action.name,
            "service": action.service,
            "risks": sorted(question.risks),
            "onBehalfOfHuman": self._human,
            "target": self._target.alias,
            **seen.context(),
            **key.context(),
            "approvals": sorted({*key.approvals, *seen.grant_approvals}),
        }
        return {
            "principal": uid(self._principal.kind.capitalize(), self._principal.source_identity),
            "action": uid("Action", action.level),
            "resource": uid("Resource", arn),
            "context": json.dumps(context),
        }

    def _answer(self, result: cedarpy.AuthzResult) -> CedarAnswer:
        diagnostics = result.diagnostics
        return CedarAnswer(
            allowed=result.allowed,
            policies=frozenset(diagnostics.id_annotations_by_reason.values()),
            failed=frozenset(self._policy_set.name_in(error) for error in diagnostics.errors),
        )

    def _verdict(self, question: Question, answers: Sequence[CedarAnswer]) -> PairVerdict:
        failed = policies_of(each.failed for each in answers)
        if failed:
            return PairVerdict(question, allowed=False, policies=(), failed=failed)
        refused = [each.policies for each in answers if not each.allowed]
        if refused:
            return PairVerdict(question, allowed=False, policies=policies_of(refused))
        needed = frozenset(({WILDCARD} if question.wildcard else set()) | ({REVEAL} if self._asked.reveal else set()))
        if needed and not all(self._mentioning(each.policies, needed) for each in answers):
            missing = [name for name in needed if not all(self._mentioning(each.policies, {name}) for each in answers)]
            return PairVerdict(question, allowed=False, policies=(), unmentioned=tuple(sorted(missing or needed)))
        return PairVerdict(question, allowed=True, policies=policies_of(each.policies for each in answers))

    def _mentioning(self, permits: Iterable[str], needed: AbstractSet[str]) -> bool:
        """Return whether one of the permits mentions everything that is `needed`."""
        return any(needed <= self._policy_set.rules[name].mentions for name in permits)


def _counting(question: Question, answers: Mapping[_Key, CedarAnswer]) -> list[CedarAnswer]:
    """Return the answers that count. For a longer prefix, only errors and denials by a forbid count."""
    if not question.calls.longer:
        return list(answers.values())
    allowed = frozenset(question.calls.allowed)
    return [
        answer
        for key, answer in answers.items()
        if key.call in allowed or answer.failed or (answer.policies and not answer.allowed)
    ]


@lru_cache(maxsize=16)
def _loaded(entities: str, schema: cedarpy.Schema) -> cedarpy.Entities:
    """Return the entities in JSON text. The result is cached: searches ask about the same ones with other durations."""
    return cedarpy.Entities.from_json_str(entities, schema)


@lru_cache(maxsize=256)
def _remembered(
    _principal: Hashable,
    _alias: str,
    _account: str,
    _tags: tuple[tuple[str, str], ...],
    _asked: RequestContext,
    _policy_set: PolicySet,
) -> dict[_Key, CedarAnswer]:
    """Return the answers cached for a target, a request's context, and a principal's key of `PrincipalReads`."""
    return {}


def _batches(asked: Iterable[tuple[bool, str]]) -> list[set[bool]]:
    """Return the values of "wildcard" in batches that can be evaluated together.

    An ARN may be requested directly and also match a requested wildcard. The two entities then have the same name, and
    one batch cannot hold both.
    """
    arns: dict[bool, set[str]] = {}
    for wildcard, arn in asked:
        arns.setdefault(wildcard, set()).add(arn)
    return [set(arns)] if not set.intersection(*arns.values()) or len(arns) == 1 else [{kind} for kind in arns]
