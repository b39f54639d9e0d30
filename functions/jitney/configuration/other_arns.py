"""Finds forbids of an ARN whose resource AWS lets calls reach by another ARN, which is permitted.

A forbid of a bucket's objects does not cover the ARNs of the bucket's access points, by which IAM checks the calls that
name one. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, Self

from jitney.configuration.action_facts import known_of
from jitney.configuration.action_table import action_table
from jitney.configuration.policy_comparisons import arns_compared
from jitney.configuration.policy_problem import PolicyProblem
from jitney.core.actions import AccessLevel, Action
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, wildcard_pattern
from jitney.core.policy.expressions import RESOURCE
from jitney.core.policy.known_conditions import (
    Facts,
    attribute_facts,
    context_facts,
    joined_facts,
    may_hold,
    must_hold,
)
from jitney.core.policy.literals import read_policy
from jitney.core.policy.scope_levels import levels_of


class _OtherForm(NamedTuple):
    """A form of ARN, and the template of the other ARN by which AWS reaches the same resource.

    `condition` is the template of a condition that covers the other ARN, and no ARN of the first form.
    """

    service: str
    own: re.Pattern[str]
    other: str
    condition: str = 'resource.arn like "{}"'


# Buckets have no account. Without that, the condition would meet the key `x:accesspoint/y` of a bucket, and so each
# request with a wildcard for a bucket.
_ACCESS_POINT = '(resource.arn like "{}" && resource.account != "")'
# The longer ARNs of the others do not meet Cedar's == with the shorter one. IAM checks reads of a log group by the ARN
# that ends with `:*`, and a secret by the ARN that ends with six characters that AWS chose.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
_FORMS = (
    _OtherForm("s3", re.compile(r"(arn:[^:]*):s3:::.*"), r"\1:s3:*:*:accesspoint/*", _ACCESS_POINT),
    _OtherForm("s3express", re.compile(r"(arn:[^:]*:s3express):.*:bucket/.*"), r"\1:*:*:accesspoint/*"),
    _OtherForm("dynamodb", re.compile(r"(arn:[^:]*:dynamodb:.*:table/[^/*]+)"), r"\1/index/*"),
    _OtherForm("lambda", re.compile(r"(arn:[^:]*:lambda:.*:function:[^:*]+)"), r"\1:*"),
    _OtherForm("logs", re.compile(r"(arn:[^:]*:logs:.*:log-group:[^:*]+)"), r"\1:*"),
    _OtherForm("secretsmanager", re.compile(r"(arn:[^:]*:secretsmanager:.*:secret:[^*]+(?<!-......))"), r"\1-*"),
    _OtherForm("states", re.compile(r"(arn:[^:]*:states:.*:stateMachine:[^:*]+)"), r"\1:*"),
)


class _Rule(NamedTuple):
    """A policy in Cedar's JSON form, the access levels in its scope and the ARNs with which it compares resources."""

    policy: Mapping[str, Any]
    levels: frozenset[AccessLevel]
    arns: frozenset[str]

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> Self:
        scope = policy["resource"].get("entity", {})
        named = [scope["id"]] if scope.get("type") == "Jitney::Resource" else []
        return cls(policy, levels_of(read_policy(policy)), frozenset([*arns_compared(policy), *named]))

    @property
    def forbids(self) -> bool:
        return bool(self.policy["effect"] == "forbid")

    def others(self) -> dict[str, tuple[_OtherForm, str]]:
        """Return the other ARNs of what the policy names, each with its form and the first literal of its own form."""
        return {
            form.own.sub(form.other, literal): (form, literal)
            for literal in sorted(self.arns, reverse=True)
            for form in _FORMS
            if form.own.fullmatch(literal)
        }


class _Request(NamedTuple):
    """What is known of a request: its action, its target ("" if the configuration has none) and its ARN."""

    action: Action
    target: str
    arn: str

    def may_meet(self, rule: _Rule) -> bool:
        return self.action.level in rule.levels and self._in_scope(rule.policy) and may_hold(rule.policy, self._facts())

    def is_forbidden_by(self, rule: _Rule) -> bool:
        """Return whether the policy forbids the ARN: all requests for it, or it names the ARN."""
        if not rule.forbids or not self.may_meet(rule):
            return False
        return must_hold(rule.policy, self._facts()) or any(
            wildcard_pattern(each).matches(self.arn) for each in rule.arns
        )

    def _in_scope(self, policy: Mapping[str, Any]) -> bool:
        match policy["resource"]:
            case {"entity": {"type": "Jitney::Resource", "id": str(arn)}}:
                return arn == self.arn
            case {"entity": {"type": "Jitney::Target", "id": str(target)}} if self.target:
                return target == self.target
            case {"in": {"entity": {"type": "Jitney::Target", "id": str(target)}}} if self.target:
                return target == self.target
        return True

    def _facts(self) -> Facts:
        target = context_facts({"target": self.target} if self.target else {})
        return joined_facts(attribute_facts(RESOURCE, {"arn": self.arn}), target, partial(known_of, self.action))


def uncovered_arns(
    policies: Mapping[str, Mapping[str, Any]], targets: Collection[str]
) -> Iterator[tuple[str, PolicyProblem]]:
    """Yield the forbids, by Cedar's names of them, whose resource a permit opens by another ARN on one of `targets`.

    `policies` are in Cedar's JSON form, by Cedar's names of them. Requesters are not compared: one of them can be in
    the groups of both policies.
    """
    rules = {key: _Rule.of(policy) for key, policy in policies.items()}
    for key, rule in rules.items():
        for other, (form, literal) in rule.others().items() if rule.forbids else ():
            if found := _permitted(form.service, literal, other, rule, list(rules.values()), targets):
                permit, action = found
                wrong = (
                    f'forbids "{literal}", but {permit} permits {action} on "{other}", which reaches the same resource'
                )
                fix = f"add || {form.condition.format(other)}, or name the ARNs that {permit} permits"
                yield key, PolicyProblem(literal, wrong, fix)


def _permitted(
    service: str, literal: str, other: str, forbid: _Rule, rules: Sequence[_Rule], targets: Collection[str]
) -> tuple[str, str] | None:
    """Return the @id of a policy and an action that it permits on `other`, while `forbid` forbids only `literal`.

    Another forbid counts only if it is for all requesters, or for the same ones.
    """
    everyone, same = {"op": "All"}, forbid.policy["principal"]
    closing = [each for each in rules if each.policy["principal"] in (everyone, same)]
    for action in _actions_on(service, literal, other):
        for target in targets or ("",):
            known, elsewhere = _Request(action, target, literal), _Request(action, target, other)
            if not known.may_meet(forbid) or elsewhere.may_meet(forbid):
                continue
            permits = [each for each in rules if not each.forbids and elsewhere.may_meet(each)]
            if permits and not any(map(elsewhere.is_forbidden_by, closing)):
                return permits[0].policy["annotations"]["id"], action.name
    return None


@cache
def _actions_on(service: str, *arns: str) -> tuple[Action, ...]:
    """Return the actions of the service that act on each of the ARNs."""

    @when_too_complex(answer=True)
    def acts(action: Action) -> bool:
        return all(action.acts_on(each, Budget(MAX_REQUEST_STEPS)) for each in arns)

    return tuple(filter(acts, action_table().of_service(service)))
