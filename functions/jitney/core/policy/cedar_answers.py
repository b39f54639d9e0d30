"""Cedar's answers to single requests, and how several of them are joined."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple


class CedarAnswer(NamedTuple):
    """Cedar's answer to one request: the policies that decided, and those that could not be evaluated."""

    allowed: bool
    policies: frozenset[str]
    failed: frozenset[str]


def without_grant_approvals(whole: CedarAnswer, own: CedarAnswer, call_rules: AbstractSet[str]) -> CedarAnswer:
    """Return `whole`, but with only those permits of `call_rules` that hold without the grant's approvals.

    `whole` is the answer of all policies with all approvals. `own` is the answer of `call_rules` with the call's own
    approvals. A forbid in either answer holds, and nothing is allowed that `whole` denies.
    """
    failed = whole.failed | own.failed
    forbids = frozenset[str]().union(*(each.policies for each in (whole, own) if not each.allowed))
    permits = whole.policies - (call_rules - own.policies)
    allowed = whole.allowed and not forbids and bool(permits)
    return CedarAnswer(allowed, permits if allowed else forbids, failed)


def policies_of(answers: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Return the policies of several answers, sorted. Most answers are the same object."""
    distinct = set(answers)
    return tuple(sorted(frozenset[str]().union(*distinct)))
