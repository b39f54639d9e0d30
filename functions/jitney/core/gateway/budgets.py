"""What one grant may use: calls, bytes of answers, deleted items, and cents an hour for instances.

A call is counted in the same transaction as its record. So simultaneous calls cannot exceed the budget.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from jitney.core.access.decision import Decision
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.call_state import IN_PROGRESS_SECONDS, SENDING_SECONDS
from jitney.core.problems import Problem
from jitney.core.quantities import quantity
from jitney.core.target_config import Target

COUNTED: Mapping[str, str] = {
    "calls": "calls",
    "bytes_out": "bytes of answers",
    "items_deleted": "deleted items",
    "cents_per_hour": "cents an hour for instances",
}
"""The amounts that are counted over the whole grant, and their names in texts.

The keys are fields of `CallLimits` and `BudgetUse`.
"""
_MINUTE = 60
OVER_BUDGET = frozenset({"call_budget_used", "rate_limited"})
"""Problems of a call that ran, but whose grant has too little budget left, because other calls used it meanwhile."""


class BudgetUse(NamedTuple):
    """What one write of a call's record uses of its grant's budget, within `limits`.

    `lease_for` is the id of a call that takes one of the grant's places for calls in flight. `ends_lease` is the place
    that is freed. Amounts are negative for a call that was counted and then did not run.
    """

    grant_id: str
    limits: CallLimits
    calls: int = 0
    bytes_out: int = 0
    items_deleted: int = 0
    cents_per_hour: int = 0
    lease_for: str = ""
    ends_lease: int | None = None

    @property
    def key(self) -> str:
        """The key of the budget's item."""
        return budget_key(self.grant_id)

    def limited(self) -> Iterator[tuple[str, int, int]]:
        """Yield the name, the amount and the limit of each used amount that is limited over the whole grant."""
        for name in COUNTED:
            amount, limit = getattr(self, name), getattr(self.limits, name)
            if amount and limit:
                yield name, amount, limit

    @property
    def counts_minute(self) -> bool:
        """Whether the use counts against the calls of a minute. Attempts count there even if the call did not run."""
        return self.calls > 0 and self.limits.calls_per_minute > 0

    @property
    def takes_lease(self) -> bool:
        """Whether the use takes a place for calls in flight."""
        return bool(self.lease_for and self.limits.writes_in_flight)

    def undone(self, place: int | None) -> "BudgetUse":
        """Return the use that frees `place` and removes the amounts, because AWS did not run the call."""
        amounts = {name: -getattr(self, name) for name in COUNTED}
        return BudgetUse(self.grant_id, self.limits, **amounts, ends_lease=place)

    def of_nothing(self) -> "BudgetUse":
        """Return the use without its amounts, because AWS did not run the call."""
        return BudgetUse(self.grant_id, self.limits, lease_for=self.lease_for, ends_lease=self.ends_lease)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing has to be counted, because none of the used amounts is limited."""
        return not (any(self.limited()) or self.counts_minute or self.takes_lease or self.ends_lease is not None)


@dataclass(frozen=True, slots=True)
class CallBudget:
    """What the calls of a grant have used. `minutes` counts calls by minute; `leases` are the ends of taken places."""

    used: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    minutes: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    leases: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def require_left(self, use: BudgetUse, now: int) -> None:
        """Raise Problem call_budget_used or rate_limited unless the rest of the budget is enough for `use`.

        The size of an answer is unknown before its call is sent. So a call needs a budget of at least one byte.
        """
        limits = use.limits
        needed = use._replace(bytes_out=max(use.bytes_out, 1)) if use.calls > 0 else use
        for name, amount, limit in needed.limited():
            if self.used.get(name, 0) + amount > limit:
                raise _budget_used(name, limit, self.left(limits))
        if use.counts_minute and self.minutes.get(minute_of(now), 0) >= limits.calls_per_minute:
            detail = f"The grant made {quantity(limits.calls_per_minute, 'call')} in this minute, which is the limit."
            raise Problem(
                "rate_limited",
                detail,
                "Repeat the call in the next minute.",
                headers={"Retry-After": str(_MINUTE - now % _MINUTE)},
            )
        if use.takes_lease and not self._free(limits, now):
            calls = quantity(limits.writes_in_flight, "call")
            detail = f"The grant already has {calls} in progress that can change something."
            fix = "Repeat the call when one of them has ended."
            raise Problem("rate_limited", detail, fix, headers={"Retry-After": str(IN_PROGRESS_SECONDS)})

    def place(self, use: BudgetUse, now: int) -> int | None:
        """Return the place among the calls in flight that `use` takes; None if it takes none or none is free.

        Simultaneous calls try different places.
        """
        free = self._free(use.limits, now) if use.takes_lease else []
        if not free:
            return None
        digest = hashlib.sha256(use.lease_for.encode()).digest()
        return free[int.from_bytes(digest[:4]) % len(free)]

    def after(self, use: BudgetUse, place: int | None, now: int) -> "CallBudget":
        """Return the budget after `use`, which took `place`, if any."""
        used = {**self.used, **{name: self.used.get(name, 0) + amount for name, amount, _ in use.limited()}}
        minute = minute_of(now)
        in_minute = {minute: self.minutes.get(minute, 0) + use.calls} if use.counts_minute else {}
        leases = {number: until for number, until in self.leases.items() if number != use.ends_lease}
        if place is not None:
            leases[place] = lease_end(now)
        return replace(self, used=used, minutes={**self.minutes, **in_minute}, leases=leases)

    def left(self, limits: CallLimits) -> dict[str, Any]:
        """Return what is left of each limited amount, as answers show it."""
        return {
            name: {"limit": limit, "left": max(0, limit - self.used.get(name, 0))}
            for name in COUNTED
            if (limit := getattr(limits, name))
        }

    def _free(self, limits: CallLimits, now: int) -> list[int]:
        return [number for number in range(limits.writes_in_flight) if self.leases.get(number, now) <= now]


def limits_of(target: Target, decision: Decision) -> CallLimits:
    """Return the limits for one call of a grant: the lower ones of the target and of the permits that decided."""
    return target.call_limits.within(decision.call_limits)


def budget_key(grant_id: str) -> str:
    """Return the key of a grant's budget."""
    return f"BUDGET#{grant_id}"


def minute_of(now: int) -> int:
    """Return the number of the minute of `now`."""
    return now // _MINUTE


def lease_end(now: int) -> int:
    """Return when a place that is taken at `now` becomes free by itself. Both are in epoch seconds."""
    return now + SENDING_SECONDS


def _budget_used(name: str, limit: int, left: Mapping[str, Any]) -> Problem:
    detail = f"The call would exceed the grant's limit of {limit} {COUNTED[name]}."
    fix = "Send a smaller call, or request a new grant with a reason that explains why more is needed."
    return Problem("call_budget_used", detail, fix, {"budget": left, "exceeded": name})
