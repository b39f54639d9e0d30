"""Table tests of policies: requests with their expected decisions (row POL 11).

This module is pure, so that both the test suite and the `jitney` command can run the cases.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Self

from jitney.core.access.conditions import conditions_of
from jitney.core.access.decision import Decision
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.profile_request import ProfileMismatch, with_profile
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.actions import ActionTable
from jitney.core.config import Limits
from jitney.core.identity.principal import Principal, TagValue
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.risks import HeldActions
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.stored_identity import identity_of
from jitney.core.target_config import Target
from jitney.core.time_window_config import TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and its expected decision.

    `effect` is an effect or a problem's code. `policies` are exactly the ids of the policies that decide. `reviews` are
    the alternative sets of groups that would have to approve. `longest_seconds` is the duration that a denial suggests.
    `other_grant_actions` are actions that another active grant of the agent holds in the same account. `claims` are the
    texts of the claims that policies see, by name; a list is a tuple. `conditions` are the conditions of the requested
    permission: the values by key. A case has `actions` and `resources`, or `access_profile`, or all of them for a part
    of the profile. `source_identity` is the requester's, for a policy that names it. `reveal` is "true" or "false". A
    case with an `operation`, such as s3:DeleteObject, is about one call. Its `conditions` are then the values of the
    call's keys, `approvals` those of the call, and `grant_approvals` those of its grant. `earlier_approvals` are the
    groups that approved the same access before. `time_windows` are those that are open during the whole grant.
    """

    name: str
    target: str
    groups: tuple[str, ...]
    seconds: int
    effect: str
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    access_profile: str = ""
    policies: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    reviews: tuple[tuple[str, ...], ...] = ()
    longest_seconds: int = 0
    kind: Literal["agent", "human"] = "agent"
    human: str | None = None
    source_identity: str = "test.tester"
    other_grant_actions: tuple[str, ...] = ()
    claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    way: str = str(Way.CREDENTIALS)
    reveal: str = "false"
    operation: str = ""
    grant_approvals: tuple[str, ...] = ()
    earlier_approvals: tuple[str, ...] = ()
    time_windows: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Return the case with these members, which `configuration.case_settings` checks."""
        return cls(**{name: _frozen(value) for name, value in raw.items()})

    def principal(self, types: Mapping[str, str]) -> Principal:
        """Return a principal who is in the case's groups, with its claims of these `types`. Raises ValueError."""
        return Principal(
            issuer="https://idp.example.com",
            issuer_name="test",
            subject="tester",
            kind=self.kind,
            groups=frozenset(self.groups),
            display="tester",
            source_identity=self.source_identity,
            unit=self.source_identity,
            human=identity_of(self.human, "https://idp.example.com") if self.human else None,
            tags=tuple((name, _tag(name, value, types.get(name))) for name, value in self.claims.items()),
        )

    def request(self, target: Target) -> AccessRequest:
        """Return the case's request. Raises ValueError for conditions that are not supported.

        Raises ProfileMismatch for an unknown profile, and for permissions outside of the profile.
        """
        whole = self.access_profile and not self.actions
        permissions = () if whole else (Permission(self.actions, self.resources, conditions_of(self.conditions)),)
        request = AccessRequest(
            self.target,
            permissions,
            self.seconds,
            reason=self.name,
            ticket="",
            way=Way(self.way),
            reveal=self.reveal == "true",
            operation=self.operation,
            grant_approvals=frozenset(self.grant_approvals),
        )
        return with_profile(request, self.access_profile, target) if self.access_profile else request


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """The outcome of the case `name`.

    `differences` are sentences on what differs from the expectation; () if it passes.
    """

    name: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseReport:
    """The outcome of each case. `untested` are the policies that decide no passing case."""

    outcomes: tuple[CaseOutcome, ...]
    untested: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The differences of all cases, as sentences."""
        return tuple(f"{each.name}: {difference}" for each in self.outcomes for difference in each.differences)

    def problems(self, file: str) -> tuple[str, ...]:
        """Return all that is wrong, as sentences; () when all cases pass. The cases are in `file`."""
        return (*self.failures, *(f"no case in {file} decides {policy}: add one" for policy in self.untested))


@dataclass(frozen=True, slots=True)
class CaseContext:
    """The arguments of `decide` that are the same for all cases and replayed requests."""

    policy_set: PolicySet
    actions: ActionTable
    targets: Mapping[str, Target]
    limits: Limits
    reviewers: frozenset[str]
    claims: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    time_windows: Mapping[str, TimeWindow] = field(default_factory=lambda: MappingProxyType({}))


def run_cases(cases: Iterable[Case], setting: CaseContext) -> CaseReport:
    """Decide every case. Return the differences from what they expect, and the policies without a case."""
    outcomes, tested = [], set()
    for case in cases:
        differences = _differences(_expected(case), _found(case, setting))
        outcomes.append(CaseOutcome(case.name, differences))
        if not differences:
            tested |= set(case.policies)
    return CaseReport(tuple(outcomes), tuple(sorted(setting.policy_set.rules.keys() - tested)))


def _expected(case: Case) -> dict[str, Any]:
    return {
        "effect": case.effect,
        "policies": sorted(case.policies),
        "reviews": sorted(map(sorted, case.reviews)),
        "longest_seconds": case.longest_seconds,
    }


CASE_FAULTS = ("claim_unknown", "condition_unknown")
"""The codes of faults that only cases have. Other faults have the codes of problems."""


class CaseFault(ValueError):
    """A case that is refused before a decision. `code` is the code of a problem, or names the unknown member."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def decide_case(case: Case, setting: CaseContext) -> Decision:
    """Return the decision on a case. Raises CaseFault."""
    target = setting.targets.get(case.target)
    if target is None:
        raise CaseFault("target_unknown", f"the configuration has no target {case.target}")
    try:
        principal = case.principal(setting.claims)
    except ValueError as error:
        raise CaseFault("claim_unknown", f"a claim cannot be used: {error}") from error
    try:
        request = case.request(target)
    except ProfileMismatch as mismatch:
        fault = mismatch.disclosure or mismatch
        raise CaseFault(fault.code, f"{fault.detail} {fault.fix}") from mismatch
    except ValueError as error:
        raise CaseFault("condition_unknown", f"a condition is not supported: {error}") from error
    try:
        return decide(
            principal,
            request,
            target,
            setting.policy_set,
            setting.actions,
            setting.limits,
            setting.reviewers,
            case.approvals,
            lambda _asked: (HeldActions("g-held", frozenset(case.other_grant_actions)),),
            lambda _asked: (EarlierApproval("g-earlier", case.earlier_approvals, 0),),
            windows=WindowTimes.always(*case.time_windows),
        )
    except Problem as problem:
        raise CaseFault(problem.code, f"{problem.detail} {problem.fix}") from problem


def _found(case: Case, setting: CaseContext) -> dict[str, Any]:
    """Return what `_expected` describes. "why" is the sentence of a case that is refused before a decision."""
    try:
        decision = decide_case(case, setting)
    except CaseFault as fault:
        return {"effect": fault.code, "policies": [], "reviews": [], "longest_seconds": 0, "why": str(fault)}
    return {
        "why": "",
        "effect": str(decision.effect),
        "policies": sorted({reason.policy for reason in decision.reasons}),
        "reviews": sorted(map(sorted, decision.reviews)),
        "longest_seconds": decision.longest_seconds,
    }


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    if found["why"] and found["effect"] != expected["effect"]:
        return (f"effect is {found['effect']!r}, expected {expected['effect']!r}: {found['why']}",)
    return tuple(
        f"{what} is {found[what]!r}, expected {wanted!r}" for what, wanted in expected.items() if found[what] != wanted
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(item) for name, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _tag(name: str, text: str | tuple[str, ...], kind: str | None) -> TagValue:
    """Return the value of a claim of this type. Raises ValueError for another type, and for an unknown claim."""
    if kind is None:
        raise ValueError(f"no issuer makes the claim {name} visible to policies")
    match kind, text:
        case "string", str():
            return text
        case "long", str():
            return int(text)
        case "bool", "true" | "false":
            return text == "true"
        case "strings", tuple():
            return text
    raise ValueError(f"the value of {name} is not of type {kind}: {text}")
