"""What the calls of one grant may use (issue of budgets; row GW 12)."""

import pytest

from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import BudgetUse, CallBudget
from jitney.core.problems import Problem
from tests.fakes import GRANT, NOW

LIMITS = CallLimits(calls=3, bytes_out=100, items_deleted=5, calls_per_minute=2, writes_in_flight=2)
NONE = CallLimits(0, 0, 0, 0, 0)
USED = CallBudget({"calls": 2, "bytes_out": 60, "items_deleted": 4})


def use(limits: CallLimits = LIMITS, **amounts: object) -> BudgetUse:
    return BudgetUse(GRANT.id, limits, **amounts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("budget", "used", "exceeded"),
    [
        (CallBudget({"calls": 3}), use(calls=1), "calls"),
        (CallBudget({"bytes_out": 100}), use(calls=1), "bytes_out"),  # no byte is left for an answer
        (USED, use(bytes_out=41), "bytes_out"),
        (USED, use(items_deleted=2), "items_deleted"),
        (CallBudget(), use(items_deleted=6), "items_deleted"),
    ],
)
def test_gw_12_a_call_above_the_budget_is_refused_with_what_is_left(budget: CallBudget, used: BudgetUse, exceeded: str):
    with pytest.raises(Problem) as refused:
        budget.require_left(used, NOW)
    assert (refused.value.code, refused.value.status) == ("call_budget_used", 403)
    assert refused.value.extras["exceeded"] == exceeded
    assert refused.value.extras["budget"] == budget.left(LIMITS)


@pytest.mark.parametrize(
    "used",
    [use(calls=1), use(bytes_out=40), use(items_deleted=1), use(NONE, calls=9, bytes_out=9**9, items_deleted=99)],
)
def test_gw_12_a_call_within_the_budget_passes(used: BudgetUse):
    USED.require_left(used, NOW)


def test_gw_12_the_calls_of_a_minute_are_limited_until_its_end():
    at = NOW + 20
    budget = CallBudget().after(use(calls=1), None, at).after(use(calls=1), None, at)
    with pytest.raises(Problem) as refused:
        budget.require_left(use(calls=1), at)
    assert (refused.value.code, refused.value.headers) == ("rate_limited", {"Retry-After": "40"})
    budget.require_left(use(calls=1), at + 40)


def test_gw_12_calls_in_flight_take_places_that_end_by_themselves():
    first, second = use(lease_for="c-1"), use(lease_for="c-2")
    one = CallBudget().place(first, NOW)
    budget = CallBudget().after(first, one, NOW)
    two = budget.place(second, NOW)
    assert {one, two} == {0, 1}
    full = budget.after(second, two, NOW)
    assert full.place(use(lease_for="c-3"), NOW) is None
    with pytest.raises(Problem) as refused:
        full.require_left(use(lease_for="c-3"), NOW + 29)
    assert (refused.value.code, refused.value.headers) == ("rate_limited", {"Retry-After": "1"})
    full.require_left(use(lease_for="c-3"), NOW + 30)
    full.after(use(ends_lease=one), None, NOW).require_left(use(lease_for="c-3"), NOW)


def test_gw_12_calls_at_the_same_time_try_different_places():
    wide = use(LIMITS._replace(writes_in_flight=10))
    assert len({CallBudget().place(wide._replace(lease_for=f"c-{number}"), NOW) for number in range(50)}) == 10


def test_gw_12_only_what_is_limited_is_counted_and_shown():
    assert use(NONE, calls=1, bytes_out=5, lease_for="c-1").is_nothing
    assert not use(NONE, ends_lease=0).is_nothing
    assert not use(calls=1).is_nothing
    assert CallBudget().left(NONE) == {}
    assert USED.left(LIMITS) == {
        "calls": {"limit": 3, "left": 1},
        "bytes_out": {"limit": 100, "left": 40},
        "items_deleted": {"limit": 5, "left": 1},
    }
    assert CallBudget({"bytes_out": 120}).left(LIMITS)["bytes_out"] == {"limit": 100, "left": 0}
