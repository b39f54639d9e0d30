"""Comparisons of a request with what earlier grants gave take a bounded time."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jitney.core.access.request import Permission
from jitney.core.patterns import Budget
from jitney.core.review import covered_access
from jitney.core.review.covered_access import CoveredAccess, gives_as_much
from tests.fakes import GRANT

BUCKET = "arn:aws:s3:::reports"
EARLIER = replace(
    GRANT, permissions=(Permission(("s3:GetObject",), tuple(f"{BUCKET}/{number}-*" for number in range(50))),)
)
WANTED = replace(GRANT, permissions=(Permission(("s3:GetObject",), (f"{BUCKET}/q", f"{BUCKET}/r")),))


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which each comparison of two ARNs adds the wider one."""
    made: list[str] = []
    covers: Callable[..., bool] = covered_access.covers

    def counted(outer: str, inner: str, budget: Budget) -> bool:
        made.append(outer)
        return covers(outer, inner, budget)

    monkeypatch.setattr(covered_access, "covers", counted)
    return made


def test_rev_11_the_first_resource_that_is_not_covered_ends_the_comparison(comparisons: list[str]):
    assert not gives_as_much(EARLIER, WANTED, Budget(100_000))
    assert len(comparisons) == 50


def test_rev_11_a_spent_budget_ends_the_comparisons(comparisons: list[str]):
    """An agent could otherwise let 25 approvals of 200 patterns be compared for seconds."""
    covered, (limited,) = CoveredAccess([EARLIER]), covered_access.resources_by_action(WANTED)
    assert tuple(covered.lacks(limited, WANTED.permissions[0].resources, Budget(0))) == WANTED.permissions[0].resources
    assert comparisons == []
