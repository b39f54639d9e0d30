"""A second set of policies that decides each request too, and changes no answer (row POL 14).

If the shadow's answer differs, the decision's record has both answers. Nothing else uses the shadow's answer. An error
of the shadow is recorded instead of its answer, and never stops a request.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from jitney.core.access.decision import Decision
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.request import AccessRequest
from jitney.core.actions import ActionTable
from jitney.core.config import Limits, Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.risks import HeldActions
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.target_config import Target

SHADOW = "shadow"
"""The member of a record's `detail` about the shadow."""


class UnreadHeldActionsError(LookupError):
    """The shadow needs the agent's other grants, which the active decision did not read."""


class UnreadEarlierApprovalsError(LookupError):
    """The shadow needs earlier approvals, which the active decision did not read."""


@dataclass(frozen=True, slots=True, eq=False)
class ShadowPolicies:
    """The shadow's policies, or the `error` from loading them."""

    version: str
    policy_set: PolicySet | None
    error: str = ""

    @classmethod
    def load(cls, source: Policies) -> Self:
        """Return the shadow in `source`. If it cannot be loaded, the error is its answer to each request."""
        try:
            return cls(source.version, PolicySet.load(source))
        except BaseException as error:  # noqa: BLE001 - Cedar's panics are no Exception
            return cls(source.version, None, _name_of(error))

    def detail(
        self,
        decision: Decision,
        principal: Principal,
        request: AccessRequest,
        target: Target,
        actions: ActionTable,
        limits: Limits,
        reviewers: Collection[str],
        windows: WindowTimes,
    ) -> dict[str, Any]:
        """Return the member for the record of the active `decision` on a request.

        The member has the shadow's version. It also has the shadow's effect, policies and reviews, if the effect or the
        reviews differ. The shadow sees what the active decision saw.
        """

        def held(_requested: frozenset[str]) -> tuple[HeldActions, ...]:
            if decision.held_actions is None:
                raise UnreadHeldActionsError
            return tuple(HeldActions("", names) for names in decision.held_actions)

        def earlier(_request: AccessRequest) -> tuple[EarlierApproval, ...]:
            if decision.earlier_approvals is None:
                raise UnreadEarlierApprovalsError
            return decision.earlier_approvals

        version = {"policy_version": self.version}
        if self.policy_set is None:
            return {SHADOW: version | {"error": self.error}}
        try:
            seen = (actions, limits, reviewers, (), held, earlier)
            other = decide(principal, request, target, self.policy_set, *seen, windows=windows, suggest=False)
            return {SHADOW: version | _difference(decision, other)}
        except BaseException as error:  # noqa: BLE001 - Cedar's panics are no Exception
            return {SHADOW: version | {"error": _name_of(error)}}


def _difference(active: Decision, shadow: Decision) -> dict[str, Any]:
    if (active.effect, set(active.reviews)) == (shadow.effect, set(shadow.reviews)):
        return {}
    policies = sorted({reason.policy for reason in shadow.reasons})
    reviews = sorted(map(sorted, shadow.reviews))
    return {"effect": str(shadow.effect), "policies": policies} | ({"reviews": reviews} if reviews else {})


def _name_of(error: BaseException) -> str:
    """Return the name of an error. Raises errors that end the process, such as KeyboardInterrupt."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    return error.code if isinstance(error, Problem) else type(error).__name__
