"""The grant: what one principal may do on one target, until when, and the states it moves through."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from jitney.core.access.break_glass import BreakGlassUse, FollowUp, break_glass_view
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import AccessRequest, Permission, RequestedAccess, Way, permissions_view
from jitney.core.access.reviewed_call import ReviewedCall, call_id_of
from jitney.core.access_profile import GrantedProfile
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import ClaimTags, IdentityFact, owner_key, quota_key, unit_key
from jitney.core.identity.requester import requester_name
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.times import iso

GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)
GRANT_RETENTION_SECONDS = 90 * 24 * 3600
"""How long an ended grant is kept. Until then, calls of its sessions can be attributed to it."""


class State(StrEnum):
    """The state of a grant."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    FAILED = "failed"
    USED = "used"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset(
        {State.ACTIVE, State.REJECTED, State.EXPIRED, State.RELEASED, State.REVOKED, State.FAILED}
    ),
    State.ACTIVE: frozenset({State.EXPIRED, State.RELEASED, State.REVOKED, State.FAILED, State.USED}),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset({State.RELEASED, State.REVOKED}),  # if it was written as expired too early
    State.RELEASED: frozenset(),
    State.REVOKED: frozenset(),
    State.FAILED: frozenset({State.RELEASED, State.REVOKED}),  # credentials of an earlier issue may be live
    State.USED: frozenset(),
}
"""Every allowed transition. Nothing else can happen."""
OPEN_STATES = frozenset({State.PENDING, State.ACTIVE})
"""The states in which a grant has not ended."""


class VoteVerdict(StrEnum):
    """What a vote decides."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Vote:
    """One reviewer's vote. `human` is the voter, `content` the hash of the grant that the voter saw.

    `at` is in epoch seconds. `via` is "web", "slack" or "terminal". `delegations` are the delegations that the voter
    used. `groups` are the groups in which the vote counted by the voter's own membership at the last count. Every new
    vote repeats the count. `groups` is None in older votes, which did not record it.
    """

    human: Identity
    verdict: VoteVerdict
    content: str
    comment: MaskedComment
    at: int
    via: str
    delegations: tuple[Delegation, ...] = ()
    groups: tuple[str, ...] | None = None

    @property
    def delegators(self) -> tuple[str, ...]:
        """The people on whose behalf the voter voted as a delegate."""
        return tuple(sorted({place.delegator.name for place in self.delegations}))

    def view(self) -> dict[str, Any]:
        """Return the vote as the API shows it."""
        vote = {"human": self.human.name, "verdict": str(self.verdict), "comment": self.comment, "at": iso(self.at)}
        return vote | {"delegate_for": list(self.delegators)}


@dataclass(frozen=True, slots=True)
class GrantEnd:
    """The release or revocation of a grant: its time (epoch seconds), its author's source identity, and its reason.

    The reason of a release is "". `denied_after_milliseconds` is the time from the release or revocation to a canary's
    first denied call, or None without one. `written_at` is when IAM had the denial, or None if no record says so.
    """

    at: int
    by: str
    reason: MaskedComment
    denied_after_milliseconds: int | None = None
    written_at: int | None = None

    @property
    def state(self) -> State:
        """The state that this end gives the grant."""
        return State.REVOKED if self.reason else State.RELEASED

    def view(self) -> dict[str, Any]:
        """Return the end as the API shows it."""
        return asdict(self) | {"at": iso(self.at), "written_at": self.written_at and iso(self.written_at)}


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. Times are in epoch seconds.

    While the grant is pending, `expires_at` is the end of its review. Once it is active, `expires_at` is the end of its
    credentials. `reviews` are the alternatives of reviewer groups that the decision requires. `approvals` are the
    groups that have approved, and `votes` the reviewers' votes. `groups` are the principal's groups at the request.
    `tags` are the claims that policies see. At each vote, the policy decides again with these groups and tags.
    `records` counts the audit records of this grant, and `chain_head` is the hash of the last one. `ending` is set once
    the grant was released or revoked. Credentials issued up to `cut_off_at` no longer work, because the unit or the
    whole role was cut off. New ones can be issued. `break_glass` is set when the reviewers were bypassed, and
    `follow_up` once that use was reviewed. `unit`, `facts` and `human` are described in `Principal`. `agent_owners` are
    those at the request. `core.review.grant_under_review` adds the current owners. `review_restarted_at` is when the
    policy last required other reviewers than before. `narrowed_at` is when a reviewer last narrowed a pending grant.
    The grant ends by `ends_by`, if set. `permissions` lie within `access_profile`, if set. `unissued` is set from the
    approval until the first issue of credentials is on record. It is never set for a gateway grant, because its
    sessions stay in the broker. `reveal` is described in `AccessRequest`. If `bound_address` is set, the broker makes
    calls from it only. A grant with a `call` covers only that call, which is made in another grant. The call was sent
    at `used_at`, if set. `repeated` is set if an equal request was rejected before. `requested` is the agent's request,
    if it was narrowed. If its approval `counts_again`, policies allow the same request again. If
    `this_time_only` is set, they would, but a reviewer excluded it. A grant that policies allowed in this way has
    `earlier_approvals`.
    """

    id: str
    state: State
    issuer: str
    issuer_name: str
    subject: str
    principal: str
    unit: str
    human: Identity | None
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
    chain_head: str = ""
    ending: GrantEnd | None = None
    cut_off_at: int | None = None
    groups: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()
    break_glass: BreakGlassUse | None = None
    follow_up: FollowUp | None = None
    agent_owners: tuple[Identity, ...] = ()
    review_restarted_at: int | None = None
    narrowed_at: int | None = None
    ends_by: int | None = None
    unissued: bool = False
    facts: tuple[IdentityFact, ...] = ()
    tags: ClaimTags = ()
    access_profile: GrantedProfile | None = None
    way: Way = Way.CREDENTIALS
    reveal: bool = False
    call: ReviewedCall | None = None
    used_at: int | None = None
    bound_address: str = ""
    repeated: RepeatedRequest | None = None
    requested: RequestedAccess | None = None
    counts_again: bool = False
    this_time_only: bool = False
    earlier_approvals: tuple[EarlierApproval, ...] = ()

    @property
    def awaits_follow_up(self) -> bool:
        """Whether break-glass was used and its follow-up review has not happened."""
        return self.break_glass is not None and self.follow_up is None

    @property
    def requester_name(self) -> str:
        """The requester of the grant, in a few words for people to read."""
        return requester_name(self.issuer_name, self.subject, self.facts)

    @property
    def agent(self) -> Identity:
        """The agent, or the person who requested the grant."""
        return identity_of(self.principal, self.issuer)

    @property
    def owner_key(self) -> str:
        """The key of the grant's owner, as `Principal.owner_key`."""
        return owner_key(self.agent, self.human)

    @property
    def unit_key(self) -> str:
        """The key of the grant's accountable unit, as `Principal.unit_key`."""
        return unit_key(self.unit, self.principal, self.issuer)

    @property
    def quota_key(self) -> str:
        """The key by which limits count, as `Principal.quota_key`."""
        return quota_key(self.unit_key, self.human)

    def move(self, state: State) -> "Grant":
        """Return the grant in another state. Raises ValueError for a transition that is not in `TRANSITIONS`."""
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"a grant cannot go from {self.state} to {state}")
        return replace(self, state=state)

    def at(self, now: int) -> "Grant":
        """Return the grant in its state at `now`. After its end it has expired, even before the store says so."""
        return self.move(State.EXPIRED) if self.state in OPEN_STATES and now >= self.expires_at else self

    def may_have_credentials(self, now: int) -> bool:
        """Return whether credentials may work at `now` if no deny document denies them; none for one call."""
        return self.call is None and self.starts_at is not None and not self.unissued and now < self.expires_at

    def use(self, now: int) -> "Grant":
        """Return the grant of one call after the call was sent. Raises ValueError if it is not active, or has no call.

        The caller still has to check that the grant has not expired.
        """
        if self.call is None:
            raise ValueError("only the grant of one call is used up")
        return replace(self.move(State.USED), used_at=now)

    def end(self, state: State, ending: GrantEnd) -> "Grant":
        """Return the released or revoked grant. A grant that ended before changes only if it may have credentials."""
        current = self.at(ending.at)
        ended = current.state not in OPEN_STATES and not self.may_have_credentials(ending.at)
        over = ended or state not in TRANSITIONS[current.state]
        return current if over else replace(current, state=state, ending=ending)

    def votes_since(self, before: "Grant") -> tuple[Vote, ...]:
        """Return the votes that are not in `before`. A vote is not new if only its groups changed."""
        given = {replace(each, groups=None) for each in before.votes}
        return tuple(each for each in self.votes if replace(each, groups=None) not in given)

    def as_request(self, grant_approvals: frozenset[str] = frozenset()) -> AccessRequest:
        """Return the request of this grant, narrowed to what was granted. See `AccessRequest` for `grant_approvals`."""
        asked = self.target, self.permissions, self.duration_seconds, self.reason, self.ticket
        return AccessRequest(
            *asked,
            access_profile=self.access_profile,
            way=self.way,
            reveal=self.reveal,
            operation=self.call.qualified_operation if self.call else "",
            grant_approvals=grant_approvals,
        )

    def view(self) -> dict[str, Any]:
        """Return the grant as the API shows it."""
        times = {name: getattr(self, name) for name in ("starts_at", "ends_by", "cut_off_at", "used_at")}
        return {
            "id": self.id,
            "state": str(self.state),
            "target": self.target,
            "account": self.account,
            "region": self.region,
            "permissions": permissions_view(self.permissions),
            "access_profile": self.access_profile and self.access_profile._asdict(),
            "way": str(self.way),
            "reveal": self.reveal,
            "duration_seconds": self.duration_seconds,
            "reason": self.reason,
            "ticket": self.ticket,
            "requester": self.requester_name,
            "principal": self.principal,
            "subject": self.subject,
            "unit": self.unit,
            "facts": [fact._asdict() for fact in self.facts],
            "human": self.human and self.human.name,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "policy_version": self.policy_version,
            "ending": None if self.ending is None else self.ending.view(),
            "votes": [each.view() for each in self.votes],
            "break_glass": break_glass_view(self.break_glass, self.follow_up),
            "repeated": self.repeated and self.repeated.view(),
            "earlier_approvals": [each.view() for each in self.earlier_approvals],
            "call": self.call and {"id": call_id_of(self.id), **self.call.view()},
            **{name: None if at is None else iso(at) for name, at in times.items()},
        }
