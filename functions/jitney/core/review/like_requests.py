"""The results of the agent's requests of the last 30 days that are like this one (row REV 15). Pure."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.rejections import have_in_common
from jitney.core.access.request import Permission
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex
from jitney.core.review.covered_access import gives_as_much
from jitney.core.target_roles import first_role

Ends = tuple[tuple[str, Callable[[Grant], bool]], ...]
_ENDS: Ends = (
    ("break_glass", lambda each: each.break_glass is not None),
    ("automatic", lambda each: each.starts_at is not None and not each.reviews),
    ("approved", lambda each: each.starts_at is not None),
    ("rejected", lambda each: _rejection(each) is not None),
    ("undecided", lambda each: each.state is State.EXPIRED),
)
"""The results of a request. The first one that holds counts."""


class GrantedTimes(NamedTuple):
    """How often like requests were granted, and how many of these grants gave less than the request under review."""

    times: int = 0
    for_less: int = 0


class LikeRequests(NamedTuple):
    """The numbers of like requests by result, and the last approval, rejection and revocation.

    `automatic` counts those that policy allowed without a review. `revoked` counts those that were revoked after they
    were granted. `incomplete` says that not all earlier requests were compared.
    """

    approved: GrantedTimes = GrantedTimes()
    automatic: GrantedTimes = GrantedTimes()
    break_glass: GrantedTimes = GrantedTimes()
    rejected: int = 0
    undecided: int = 0
    revoked: int = 0
    last_approval: Vote | None = None
    last_rejection: Vote | None = None
    last_revocation: GrantEnd | None = None
    incomplete: bool = False


def like_requests(grant: Grant, history: Iterable[Grant], *, history_cut: bool = False) -> LikeRequests:
    """Return the results of the like requests in `history`, the newest first.

    `history_cut` is True if some are missing.

    A request is like `grant` if it is for the same target and has an action on a resource in common. A request of one
    call is like calls of the same operation only. Requests that are too complex to compare are left out, with all older
    ones.
    """
    first = first_role(grant.role_arn)
    comparable = [each for each in history if first_role(each.role_arn) == first and _same_kind(each, grant)]
    like, too_complex = _in_common(grant, comparable)
    ended = [(next((name for name, holds in _ENDS if holds(each)), ""), each) for each in like]
    revoked = [each for each in like if each.state is State.REVOKED and each.starts_at is not None]
    return LikeRequests(
        approved=_granted("approved", ended, grant),
        automatic=_granted("automatic", ended, grant),
        break_glass=_granted("break_glass", ended, grant),
        rejected=sum(name == "rejected" for name, _ in ended),
        undecided=sum(name == "undecided" for name, _ in ended),
        revoked=len(revoked),
        last_approval=next((vote for each in like if (vote := _approval(each))), None),
        last_rejection=next((vote for each in like if (vote := _rejection(each))), None),
        last_revocation=next((each.ending for each in revoked if each.ending), None),
        incomplete=history_cut or too_complex,
    )


def _granted(result: str, ended: Iterable[tuple[str, Grant]], grant: Grant) -> GrantedTimes:
    granted, budget = [each for name, each in ended if name == result], Budget(MAX_REQUEST_STEPS)
    return GrantedTimes(len(granted), sum(_gave_less(each, grant, budget) for each in granted))


def _gave_less(other: Grant, grant: Grant, budget: Budget) -> bool:
    """Return whether `other` may have given less than `grant` requests.

    Otherwise an agent could add a deletion to a read that was often approved, and the read's approvals would count.
    """
    shorter = grant.call is None and other.duration_seconds < grant.duration_seconds
    return shorter or not gives_as_much(other, grant, budget)


def _same_kind(one: Grant, other: Grant) -> bool:
    names = [each.call and each.call.qualified_operation for each in (one, other)]
    return names[0] == names[1]


def _in_common(grant: Grant, others: Iterable[Grant]) -> tuple[list[Grant], bool]:
    """Return the grants with an action on a resource in common, and whether the budget ran out."""
    budget, found = Budget(MAX_REQUEST_STEPS), list[Grant]()
    for each in others:
        try:
            if have_in_common(grant.permissions, _compared(each), budget):
                found.append(each)
        except PatternTooComplex:
            return found, True
    return found, False


def _compared(grant: Grant) -> tuple[Permission, ...]:
    """Return what was granted, or without a grant all that was requested, also what a reviewer left out."""
    return (grant if grant.starts_at is not None else grant.requested or grant).permissions


def _approval(grant: Grant) -> Vote | None:
    return _last(grant, VoteVerdict.APPROVE) if grant.starts_at is not None else None


def _rejection(grant: Grant) -> Vote | None:
    return _last(grant, VoteVerdict.REJECT) if grant.state is State.REJECTED else None


def _last(grant: Grant, verdict: VoteVerdict) -> Vote | None:
    return next((vote for vote in reversed(grant.votes) if vote.verdict is verdict), None)
