"""Table tests of policies: what somebody should be told for a request (row POL 11).

Pure, so that the test suite and the `jitney` command can both run the cases that stand beside the policies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, Self

from jitney.core.access.request import AccessRequest, Permission
from jitney.core.actions import ActionTable
from jitney.core.config import Limits, Target
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.risks import HeldActions
from jitney.core.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and what is expected.

    `effect` is an effect or a problem's code; `policies` are the ids of those that decide, exactly; `reviews` the sets
    of groups any one of which would have to approve; `longest_seconds` what a denial says would pass. `held` are the
    actions that another live grant of the same agent holds in the target's account.
    """

    name: str
    target: str
    groups: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    seconds: int
    effect: str
    policies: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    reviews: tuple[tuple[str, ...], ...] = ()
    longest_seconds: int = 0
    kind: Literal["agent", "human"] = "agent"
    human: str | None = None
    held: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: Mapping[str, Any], defaults: Mapping[str, Any]) -> Self:
        """The case in one entry of the table, over the table's defaults. Raises ValueError."""
        members = {**defaults, **raw}
        unknown = members.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"{raw.get('name')}: there is no member {', '.join(sorted(unknown))}")
        missing = [each.name for each in fields(cls) if each.default is MISSING and each.name not in members]
        if missing:
            raise ValueError(f"{raw.get('name')}: {', '.join(missing)} is missing")
        return cls(**{name: _frozen(value) for name, value in members.items()})

    def principal(self) -> Principal:
        """Somebody in the case's groups."""
        return Principal(
            issuer="https://idp.example.com",
            issuer_name="test",
            subject="tester",
            kind=self.kind,
            groups=frozenset(self.groups),
            display="tester",
            source_identity="test.tester",
            human=self.human,
        )

    def request(self) -> AccessRequest:
        """What the case asks for."""
        permissions = (Permission(self.actions, self.resources),)
        return AccessRequest(self.target, permissions, self.seconds, reason=self.name, ticket="")


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What came of the case `name`: how it differs from what it expects, in sentences; () where it passes."""

    name: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseReport:
    """What came of each case, and `untested`, the policies that decide no passing case."""

    outcomes: tuple[CaseOutcome, ...]
    untested: tuple[str, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """What differs, a sentence each."""
        return tuple(f"{each.name}: {difference}" for each in self.outcomes for difference in each.differences)

    def told(self, file: str) -> tuple[str, ...]:
        """All that is wrong, a sentence each; () when nothing is. `file` is where the cases are written."""
        return (*self.failures, *(f"no case in {file} decides {policy}: add one" for policy in self.untested))


@dataclass(frozen=True, slots=True)
class CaseContext:
    """What the cases are decided against: everything that `decide` takes beside the principal and the request."""

    policy_set: PolicySet
    actions: ActionTable
    targets: Mapping[str, Target]
    limits: Limits
    reviewers: frozenset[str]


def run_cases(cases: Iterable[Case], setting: CaseContext) -> CaseReport:
    """Decide every case, and say what differs from what it expects and which policies no case is about."""
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


def _found(case: Case, setting: CaseContext) -> dict[str, Any]:
    target = setting.targets.get(case.target)
    if target is None:
        return {"effect": "target_unknown", "policies": [], "reviews": [], "longest_seconds": 0}
    try:
        decision = decide(
            case.principal(),
            case.request(),
            target,
            setting.policy_set,
            setting.actions,
            setting.limits,
            setting.reviewers,
            case.approvals,
            lambda _asked: (HeldActions("g-held", frozenset(case.held)),),
        )
    except Problem as problem:
        return {"effect": problem.code, "policies": [], "reviews": [], "longest_seconds": 0}
    return {
        "effect": str(decision.effect),
        "policies": sorted({reason.policy for reason in decision.reasons}),
        "reviews": sorted(map(sorted, decision.reviews)),
        "longest_seconds": decision.longest_seconds,
    }


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{what} is {found[what]!r}, expected {wanted!r}" for what, wanted in expected.items() if found[what] != wanted
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
