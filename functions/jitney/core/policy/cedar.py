"""The Cedar policies, parsed and validated, with the facts about each that decisions need.

Cedar skips a `forbid` whose condition fails to evaluate. Therefore policies are validated strictly against the schema
here, requests are validated when they are evaluated, and any error is a denial (row POL 2).
https://docs.cedarpolicy.com/auth/authorization.html
"""

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Self

import cedarpy

from jitney.core import config
from jitney.core.access.request import Way
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits, narrowest, written_limits
from jitney.core.patterns import Budget, Pattern, match_classes
from jitney.core.policy.call_mentions import mentions_call
from jitney.core.policy.condition_witnesses import ConditionReads, condition_reads
from jitney.core.policy.equivalence import ActionEquivalence, action_equivalence
from jitney.core.policy.literals import EARLIER_APPROVALS, REVEAL, Literals, read_policy
from jitney.core.policy.monotonicity import permits_more
from jitney.core.policy.principal_reads import PrincipalReads, attribute_literals, claim_literals, principal_reads
from jitney.core.policy.risks import RISK_NAMES
from jitney.core.policy.way_conditions import never_holds

MAX_REMEMBERED_PATTERNS = 256
"""The limit of requested patterns whose witnesses (`PolicySet.witnesses`) a policy set caches, about 5 kB each."""
ANNOTATIONS = ("id", "advice", "approval", "call_limits")

_LIMITS_EXAMPLE = "items_deleted=20, calls=100"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", re.ASCII)

# Parts of Cedar's messages to drop: Cedar's name of the policy, and the action, because Cedar repeats a fault for each.
_CEDAR_NAMES = re.compile(r'for policy `policy\d+`, | for Jitney::Action::"[^"]*"(?= not found)')


class PolicyFault(NamedTuple):
    """One error in the policies.

    `key` is Cedar's name of the policy ("policy0", "policy1", ... in text order); `id` is its @id. Either may be "".
    """

    key: str
    id: str
    sentence: str

    def __str__(self) -> str:
        number = f"policy number {int(self.key.removeprefix('policy')) + 1}" if self.key else ""
        name = self.id or number
        return f"{name}: {self.sentence}" if name else self.sentence


class InvalidPolicies(ValueError):
    """The policies cannot be used. `faults` lists all errors; the message has one line for each."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, faults)))


class Rule(NamedTuple):
    """One policy: its id, and what its annotations and conditions name.

    `id` is its @id. `advice` is its @advice, which denials and reviews quote. `groups`, `risks` and `time_windows` are
    those that its conditions name. `mentions` are those of WILDCARD and REVEAL (`literals`) that the policy mentions. A
    permit permits wildcards, or unmasked answers, only if it mentions them. `call_limits` is a permit's @call_limits.
    """

    id: str
    permits: bool
    advice: str
    groups: frozenset[str]
    mentions: frozenset[str]
    risks: frozenset[str]
    call_limits: CallLimits = NO_CALL_LIMITS
    time_windows: frozenset[str] = frozenset()


class _Witnesses(NamedTuple):
    """The witnesses of a pattern, and how many steps finding them took."""

    classes: Mapping[str, Hashable]
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class PolicySet:
    """Policies that are ready to be evaluated. A set equals only itself.

    `rules` are keyed by @id. `groups` are the reviewer groups whose approvals they name, `earlier_groups` those whose
    earlier approvals they name, and `time_windows` the time windows. `names` maps Cedar's names to @ids. `resources`
    are the patterns with which policies compare resources, and `durations` the seconds that policies name.
    `equivalence` and `principal_reads` say which AWS actions and principals policies cannot distinguish.
    `claim_literals` and `attribute_literals` are the literals with which policies compare claims and attributes.
    `condition_reads` says how policies compare condition keys.

    `about_calls` are the policies that look at the call (`mentions_call`), if any, and `call_rules` their ids.
    """

    version: str
    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    rules: Mapping[str, Rule]
    groups: frozenset[str]
    earlier_groups: frozenset[str]
    time_windows: frozenset[str]
    names: Mapping[str, str]
    resources: tuple[Pattern, ...]
    durations: tuple[int, ...]
    equivalence: ActionEquivalence
    principal_reads: PrincipalReads
    claim_literals: Mapping[str, frozenset[Any]]
    attribute_literals: Mapping[str, frozenset[Any]]
    condition_reads: ConditionReads
    about_calls: cedarpy.PolicySet | None
    call_rules: frozenset[str]
    _witnesses: dict[Pattern, _Witnesses] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, source: config.Policies) -> Self:
        """Return the policies in `source`. Raises InvalidPolicies with all errors, or ValueError for a syntax error."""
        schema = parsed_schema(source.schema)
        policies = cedarpy.PolicySet.from_str(source.text)
        document = json.loads(cedarpy.policies_to_json_str(source.text))
        raw: Mapping[str, Any] = document["staticPolicies"]
        schema_faults = list(_schema_faults(source.text, schema, raw))
        faults = [*_set_faults(document), *schema_faults]
        # Literals are read from expressions whose types Cedar accepts.
        refused = {each.key for each in schema_faults}
        literals = {key: read_policy(policy) for key, policy in raw.items() if key not in refused}
        for key, found in literals.items():
            faults += [PolicyFault(key, _id(raw[key]), fault) for fault in _policy_faults(raw[key], found)]
        if faults:
            raise InvalidPolicies(faults)
        rules = {key: _rule(policy, literals[key]) for key, policy in raw.items()}
        about_calls = {key: policy for key, policy in raw.items() if mentions_call(policy)}
        return cls(
            version=source.version,
            policies=policies,
            schema=schema,
            rules={rule.id: rule for rule in rules.values()},
            groups=frozenset(group for rule in rules.values() for group in rule.groups),
            earlier_groups=frozenset(group for found in literals.values() for group in found.earlier_groups),
            time_windows=frozenset(name for rule in rules.values() for name in rule.time_windows),
            names={key: rule.id for key, rule in rules.items()},
            resources=tuple(pattern for found in literals.values() for pattern in found.resources),
            durations=tuple(sorted({seconds for found in literals.values() for seconds in found.durations})),
            equivalence=action_equivalence(literals.values(), schema),
            principal_reads=principal_reads(raw.values()),
            claim_literals=claim_literals(raw.values()),
            attribute_literals=attribute_literals(raw.values()),
            condition_reads=condition_reads(found.call for found in literals.values()),
            about_calls=_part(about_calls) if about_calls else None,
            call_rules=frozenset(rules[key].id for key in about_calls),
        )

    def call_limits(self, names: Iterable[str]) -> CallLimits:
        """Return the lowest limits that the permits with these ids set for the calls of a grant."""
        return narrowest(self.rules[name].call_limits for name in names)

    def near(self, most: int) -> frozenset[int]:
        """Return the durations below `most` seconds at which the policies' answer may change."""
        return frozenset(n + step for n in self.durations for step in (-1, 0, 1) if n + step < most)

    def name_in(self, error: str) -> str:
        """Return the @id of the policy that Cedar's `error` names ("... policy `policy1`: ..."), or "a request"."""
        return next((name for key, name in self.names.items() if f"`{key}`" in error), "a request")

    def match_class(self, arn: str) -> Hashable:
        """Return the class of an ARN. Policies cannot distinguish two ARNs of the same class.

        "*" has a class of its own: its service, region and account are empty.
        """
        return arn if arn == "*" else tuple(pattern.matches(arn) for pattern in self.resources)

    def witnesses(self, asked: Pattern, budget: Budget) -> Mapping[str, Hashable]:
        """Return ARNs that `asked` matches, one of each class, each with its class (row POL 3).

        If the policies give the same answer for all returned ARNs, they give it for every ARN that `asked` matches.
        Raises PatternTooComplex. Cached witnesses spend the same steps of `budget` again, so the same request always
        gets the same answer.
        """
        known = self._witnesses.get(asked)
        if known:
            budget.spend(known.steps)
            return known.classes
        before = budget.left
        classes = self._found_witnesses(asked, budget)
        if len(self._witnesses) >= MAX_REMEMBERED_PATTERNS:
            self._witnesses.clear()
        self._witnesses[asked] = _Witnesses(classes, before - budget.left)
        return classes

    def _found_witnesses(self, asked: Pattern, budget: Budget) -> Mapping[str, Hashable]:
        meeting = [place for place, pattern in enumerate(self.resources) if pattern.may_meet(asked)]
        found = match_classes(asked, [self.resources[place] for place in meeting], budget)
        missed = [False] * len(self.resources)
        classes: dict[str, Hashable] = {}
        for verdict, arn in found.items():
            matches = missed.copy()
            for place, matched in zip(meeting, verdict, strict=True):
                matches[place] = matched
            classes[arn] = tuple(matches)
        return classes


@lru_cache(maxsize=2)
def parsed_schema(text: str) -> cedarpy.Schema:
    """Return the schema in `text`. The result is cached. Raises ValueError for a syntax error."""
    return cedarpy.Schema.from_str(text)


def _part(policies: Mapping[str, Any]) -> cedarpy.PolicySet:
    """Return a policy set of some policies in JSON form. They keep Cedar's names."""
    document = {"staticPolicies": policies, "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(document))


def _set_faults(document: Mapping[str, Any]) -> Iterator[PolicyFault]:
    policies = document["staticPolicies"]
    if not policies:
        yield PolicyFault("", "", "there is no policy, so nothing would be permitted; write at least one permit")
    for key, template in document["templates"].items():
        yield PolicyFault(key, _id(template), "templates have no effect; write a policy without ?principal, ?resource")
    seen: set[str] = set()
    for key, policy in policies.items():
        if _id(policy) and _id(policy) in seen:
            yield PolicyFault(key, _id(policy), "the @id is used more than once")
        seen.add(_id(policy))


def _schema_faults(text: str, schema: cedarpy.Schema, raw: Mapping[str, Any]) -> Iterator[PolicyFault]:
    errors = cedarpy.validate_policies(text, schema).errors
    sentences = sorted({(error.policy_id, _CEDAR_NAMES.sub("", error.error)) for error in errors})
    yield from (PolicyFault(key, _id(raw.get(key, {})), sentence) for key, sentence in sentences)


def _policy_faults(policy: Mapping[str, Any], literals: Literals) -> Iterator[str]:
    annotations = policy.get("annotations", {})
    if not _ID.fullmatch(annotations.get("id") or ""):
        yield "it needs an @id of letters, digits and . _ / -, which decisions quote"
    for name in sorted(annotations.keys() - set(ANNOTATIONS)):
        yield f"@{name} is not known; the annotations are @{', @'.join(ANNOTATIONS)}"
    approval = [group.strip() for group in (annotations.get("approval") or "").split(",")]
    if "approval" in annotations and not all(approval):
        yield "@approval must name reviewer groups, separated by commas"
    for group in filter(None, approval):
        if group not in literals.groups:
            yield f"@approval names {group!r}, but no condition requires it in context.approvals"
    if "call_limits" in annotations:
        yield from _limit_faults(policy["effect"], annotations["call_limits"] or "")
    for risk in sorted(literals.risks - RISK_NAMES):
        yield f"the risk {risk!r} does not exist; the risks are {', '.join(sorted(RISK_NAMES))}"
    yield from _way_faults(policy, literals)
    if not permits_more(policy, EARLIER_APPROVALS):
        yield (
            f"an earlier approval could make it permit less; name context.{EARLIER_APPROVALS} "
            "without ! in the when of a permit, or in the unless of a forbid"
        )
    yield from literals.faults
    yield from literals.call.faults()


def _limit_faults(effect: str, text: str) -> Iterator[str]:
    if effect != "permit":
        yield "only a permit has @call_limits; a forbid permits no call"
    try:
        written_limits(text)
    except ValueError:
        yield f"@call_limits must be like {_LIMITS_EXAMPLE!r}; the limits are {', '.join(CallLimits._fields)}"


def _way_faults(policy: Mapping[str, Any], literals: Literals) -> Iterator[str]:
    ways = literals.names.get("way", set())
    for way in sorted(ways - set(Way)):
        yield f"the way {way!r} does not exist; the ways are {', '.join(Way)}"
    if (ways or REVEAL in literals.mentions) and ways <= set(Way) and never_holds(policy):
        yield "no request meets its conditions on context.way and context.reveal; reveal is true only with way gateway"


def _rule(policy: Mapping[str, Any], literals: Literals) -> Rule:
    annotations = policy["annotations"]
    return Rule(
        id=annotations["id"],
        permits=policy["effect"] == "permit",
        advice=annotations.get("advice") or "",
        groups=frozenset(literals.groups),
        mentions=frozenset(literals.mentions),
        risks=frozenset(literals.risks),
        call_limits=written_limits(limits) if (limits := annotations.get("call_limits")) else NO_CALL_LIMITS,
        time_windows=frozenset(literals.time_windows),
    )


def _id(policy: Mapping[str, Any]) -> str:
    return policy.get("annotations", {}).get("id") or ""
