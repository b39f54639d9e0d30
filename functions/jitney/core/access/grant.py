"""The grant: what one principal may do on one target until when, and the states it moves through."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, break_glass_view
from jitney.core.access.delegation import Delegation
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.policy.decision import Decision, Effect
from jitney.core.times import iso

GRANT_RETENTION_SECONDS = 90 * 24 * 3600
"""For how long a grant that is over is known: so long calls of its sessions can be told from others."""


class State(StrEnum):
    """Where a grant stands."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    FAILED = "failed"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.ACTIVE, State.REJECTED, State.EXPIRED, State.RELEASED, State.REVOKED, State.FAILED}
    ),
    State.ACTIVE: frozenset({State.EXPIRED, State.RELEASED, State.REVOKED, State.FAILED}),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset({State.RELEASED, State.REVOKED}),  # noted before its time, by whoever may note it
    State.RELEASED: frozenset(),
    State.REVOKED: frozenset(),
    State.FAILED: frozenset({State.RELEASED, State.REVOKED}),  # credentials of an earlier issue may be live
}
"""Every allowed move; what is not here cannot happen."""
OPEN_STATES = frozenset({State.PENDING, State.ACTIVE})
"""The states that have no end."""


class VoteVerdict(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Vote:
    """One reviewer's vote. `human` is a source identity, `content` the hash of the grant that the voter saw.

    `at` in epoch seconds; `via` is where it was given: "web" or "slack". `stands_in` are the places of absent members
    that it was given in, `groups` those that it was counted for by the voter's own membership when the approvals were
    last counted, which is each time that somebody votes; None in votes of before that was noted.
    """

    human: str
    verdict: VoteVerdict
    content: str
    comment: str
    at: int
    via: str
    delegations: tuple[Delegation, ...] = ()
    groups: tuple[str, ...] | None = None

    @property
    def delegators(self) -> tuple[str, ...]:
        """In whose places it was given."""
        return tuple(sorted({place.delegator for place in self.delegations}))

    def view(self) -> dict[str, Any]:
        """The vote as the API shows it."""
        said = {"human": self.human, "verdict": str(self.verdict), "comment": self.comment, "at": iso(self.at)}
        return said | {"delegate_for": list(self.delegators)}


@dataclass(frozen=True, slots=True)
class GrantEnd:
    """How a grant was taken back: when (epoch seconds), by whom (a source identity), and why ("" for a release).

    `denied_after_milliseconds` is the time from the call to the first denial that a canary saw, None where none was seen.
    """

    at: int
    by: str
    reason: str
    denied_after_milliseconds: int | None = None

    @property
    def state(self) -> State:
        """What it makes of the grant."""
        return State.REVOKED if self.reason else State.RELEASED

    def view(self) -> dict[str, Any]:
        """The ending as the API shows it."""
        return {
            "at": iso(self.at),
            "by": self.by,
            "reason": self.reason,
            "denied_after_milliseconds": self.denied_after_milliseconds,
        }


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. Times in epoch seconds.

    While pending, `expires_at` is when the review ends; once active, when the credentials end. `reviews` are the
    alternatives of reviewer groups that the decision asked for, `approvals` the groups that have approved, `votes` the
    reviewers' own. `groups` are the principal's when it asked: policy is asked again with them at each vote. `records`
    counts the audit records of this grant and `head` is the hash of the last one: a state change and the next record
    are written together or not at all. `ending` is there once it was released or revoked. What was issued until
    `cut_off_at` works no longer, because its agent or the whole role was cut off; it can be issued again. `glass` is
    there when it was taken without its reviewers, `follow_up` once somebody else looked at that. `agent_owners` owned the
    agent when it asked, as source identities; its present owners are in `core.review.grant_under_review`.
    `review_restarted_at` is when policies were last found to want
    other reviewers than were asked before, `narrowed_at` when a reviewer last approved less while votes were missing.
    """

    id: str
    state: State
    issuer: str
    issuer_name: str
    subject: str
    principal: str
    human: str | None
    target: str
    account: str
    region: str
    role_arn: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
    created_at: int
    starts_at: int | None
    expires_at: int
    policy_version: str
    reviews: tuple[tuple[str, ...], ...] = ()
    approvals: tuple[str, ...] = ()
    records: int = 0
    head: str = ""
    ending: GrantEnd | None = None
    cut_off_at: int | None = None
    groups: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    break_glass: BreakGlassUse | None = None
    follow_up: FollowUp | None = None
    agent_owners: tuple[str, ...] = ()
    review_restarted_at: int | None = None
    narrowed_at: int | None = None

    @property
    def unreviewed(self) -> bool:
        """Whether it was taken without its reviewers, and nobody has looked at it since."""
        return self.break_glass is not None and self.follow_up is None

    @property
    def owner(self) -> str:
        """Whose it is: as `Principal.owner`."""
        return f"{self.principal}#{self.human or ''}"

    def move(self, state: State) -> "Grant":
        """The grant in another state. Raises ValueError for a move that is not in `TRANSITIONS`."""
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"a grant cannot go from {self.state} to {state}")
        return replace(self, state=state)

    def at(self, now: int) -> "Grant":
        """The grant as it stands at `now`: past its end it has expired, whether or not anything noted it."""
        ended = self.state in OPEN_STATES and now >= self.expires_at
        return self.move(State.EXPIRED) if ended else self

    def live(self, now: int) -> bool:
        """Whether credentials of this grant may work at `now`, unless they are denied: once issued, until its end."""
        return self.starts_at is not None and now < self.expires_at

    def end(self, state: State, ending: GrantEnd) -> "Grant":
        """The grant released or revoked; as it stands at `ending.at` when it has ended before."""
        current = self.at(ending.at)
        over = state not in TRANSITIONS[current.state] or (
            current.state not in OPEN_STATES and not self.live(ending.at)
        )
        return current if over else replace(current.move(state), ending=ending)

    def votes_since(self, before: "Grant") -> tuple[Vote, ...]:
        """The votes that were not given `before`: those that are only counted for other groups by now are not new."""
        given = {replace(each, groups=None) for each in before.votes}
        return tuple(each for each in self.votes if replace(each, groups=None) not in given)

    def asked(self) -> AccessRequest:
        """The request that this grant answers, narrowed to what was granted; policy is asked again with it."""
        return AccessRequest(self.target, self.permissions, self.duration_seconds, self.reason, self.ticket)

    def view(self) -> dict[str, Any]:
        """The grant as the API shows it."""
        return {
            "id": self.id,
            "state": str(self.state),
            "target": self.target,
            "account": self.account,
            "region": self.region,
            "permissions": permissions_view(self.permissions),
            "duration_seconds": self.duration_seconds,
            "reason": self.reason,
            "ticket": self.ticket,
            "principal": self.principal,
            "human": self.human,
            "created_at": iso(self.created_at),
            "starts_at": None if self.starts_at is None else iso(self.starts_at),
            "expires_at": iso(self.expires_at),
            "policy_version": self.policy_version,
            "ending": None if self.ending is None else self.ending.view(),
            "votes": [each.view() for each in self.votes],
            "cut_off_at": None if self.cut_off_at is None else iso(self.cut_off_at),
            "break_glass": break_glass_view(self.break_glass, self.follow_up),
        }


def with_derived_state(grant: Grant) -> Grant:
    """The grant in the state that its ending, votes and times bear out: what `state` says can end it, but not open it.

    Many functions may write the state, and few the rest (`adapters.grant_items`). Only a vote or an allowed request
    gives a grant its start; a rejection stays among the votes. An end that nothing bears out counts as a failure, after
    which what was issued can still be taken back.
    """
    if grant.ending:
        state = grant.ending.state
    elif any(vote.verdict is VoteVerdict.REJECT for vote in grant.votes):
        state = State.REJECTED
    elif grant.state in OPEN_STATES:
        state = State.PENDING if grant.starts_at is None else State.ACTIVE
    else:
        state = State.EXPIRED if grant.state is State.EXPIRED else State.FAILED
    return grant if state is grant.state else replace(grant, state=state)


def permissions_view(permissions: tuple[Permission, ...]) -> list[dict[str, list[str]]]:
    """Permissions as the API shows them, in the form in which they are asked for."""
    return [{"actions": list(each.actions), "resources": list(each.resources)} for each in permissions]


def reviews_of(decision: Decision) -> tuple[tuple[str, ...], ...]:
    """The alternatives of reviewer groups that a decision asks for, as a grant has them."""
    return tuple(tuple(sorted(groups)) for groups in decision.reviews)


def open_grant(  # the grant is where all that was learned of a request comes together
    grant_id: str,
    principal: Principal,
    request: AccessRequest,
    target: Target,
    decision: Decision,
    review_ends: int,
    now: int,
) -> Grant:
    """The grant that an allowed or reviewable decision opens: active from `now`, or pending until `review_ends`.

    Raises ValueError for a denied decision.
    """
    if decision.effect is Effect.DENY:
        raise ValueError("a denied request opens no grant")
    allowed = decision.effect is Effect.ALLOW
    return Grant(
        id=grant_id,
        state=State.ACTIVE if allowed else State.PENDING,
        issuer=principal.issuer,
        issuer_name=principal.issuer_name,
        subject=principal.subject,
        principal=principal.source_identity,
        human=principal.human,
        target=target.alias,
        account=target.account,
        region=target.region,
        role_arn=target.role_arn,
        permissions=decision.permissions,
        duration_seconds=request.duration_seconds,
        reason=request.reason,
        ticket=request.ticket,
        created_at=now,
        starts_at=now if allowed else None,
        expires_at=now + request.duration_seconds if allowed else review_ends,
        policy_version=decision.policy_version,
        reviews=reviews_of(decision),
        groups=tuple(sorted(principal.groups)),
        agent_owners=principal.agent_owners,
    )
