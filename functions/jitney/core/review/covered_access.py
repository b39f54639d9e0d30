"""What a grant gives by action, in which order it is shown, and which part other grants do not cover. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from jitney.core.access.conditions import Conditions, covers_conditions
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission, Way
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import Budget, covers, has_wildcard


class LimitedAction(NamedTuple):
    """An action, for calls that satisfy `conditions`."""

    action: str
    conditions: Conditions


class GivenAccess(Protocol):
    """What a grant gives, or a request is for."""

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The permissions, with action wildcards expanded."""

    @property
    def duration_seconds(self) -> int:
        """For how long."""

    @property
    def way(self) -> Way:
        """The way in which the agent uses it."""

    @property
    def reveal(self) -> bool:
        """Whether answers through the gateway show sensitive values."""


def resources_by_action(access: GivenAccess) -> dict[LimitedAction, tuple[str, ...]]:
    """Return each action with all its resources, in the order of the sheet.

    An action with several sets of conditions occurs several times.
    """
    resources: dict[LimitedAction, dict[str, None]] = {}
    for permission in access.permissions:
        for action, arn, conditions in permission.pairs():
            resources.setdefault(LimitedAction(action, conditions), {})[arn] = None
    return {limited: tuple(arns) for limited, arns in resources.items()}


class CoveredAccess:
    """What some grants give, by action, with each set of conditions and resources once."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_action: dict[str, dict[tuple[Conditions, tuple[str, ...]], None]] = {}
        for permission in (each for grant in grants for each in grant.permissions):
            for action in permission.actions:
                self._by_action.setdefault(action, {})[permission.conditions, permission.resources] = None

    def lacks(self, limited: LimitedAction, resources: tuple[str, ...], budget: Budget) -> Iterator[str]:
        """Yield the resources that no grant surely covers for the action. When `budget` runs out, these are more."""
        before = {
            arn: None
            for conditions, arns in self._by_action.get(limited.action, ())
            if covers_conditions(conditions, limited.conditions, budget)
            for arn in arns
        }
        for arn in resources:
            if arn not in before and not any(budget.left >= 0 and _covers(outer, arn, budget) for outer in before):
                yield arn


def shows_as_much(other: GivenAccess, access: GivenAccess) -> bool:
    """Return whether `other` showed the agent as much as `access`. The gateway masks values, unless it reveals them."""
    return other.way is not Way.GATEWAY or (access.way is Way.GATEWAY and other.reveal >= access.reveal)


def gives_as_much(other: Grant, access: GivenAccess, budget: Budget) -> bool:
    """Return whether `other` surely gave all of `access`, apart from its duration. False when `budget` runs out."""
    covered, asked = CoveredAccess([other]), resources_by_action(access).items()
    return shows_as_much(other, access) and not any(
        lacking for limited, arns in asked for lacking in covered.lacks(limited, arns, budget)
    )


def wildcards_first(names: Iterable[str]) -> list[str]:
    """Return the names, those with wildcards first."""
    return sorted(names, key=lambda name: not has_wildcard(name))


@when_too_complex(answer=False)
def _covers(outer: str, inner: str, budget: Budget) -> bool:
    """Return whether `outer` surely covers all of `inner`. Returns False when `budget` runs out."""
    budget.spend(1)  # a comparison of different beginnings takes no step
    return covers(outer, inner, budget)
