"""A request of an authenticated caller: what it may read, and what is recorded about it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from jitney.adapters.transactions import Conflict
from jitney.core.access.decision import Decision
from jitney.core.access.earlier_approvals import EarlierApprovalsLookup
from jitney.core.access.grant import Grant
from jitney.core.access.profile_policy import access_policy
from jitney.core.access.profile_wording import profile_detail
from jitney.core.access.request import AccessRequest, Permission, Way
from jitney.core.access.session_policy import SessionPolicy
from jitney.core.access.suspensions import Suspensions
from jitney.core.access_profile import GrantedProfile
from jitney.core.identity.authenticate import Authenticated
from jitney.core.identity.principal import Principal, owner_names
from jitney.core.identity.requester import Requester, requester_of
from jitney.core.policy.decide import decide
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, SingleUseKey, idempotency_key
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Origin, Outcome
from jitney.core.records.refusal_counts import refusal_of
from jitney.core.target_config import Target
from jitney.handlers.access.decided_detail import decided_detail
from jitney.handlers.caller.earlier_approvals import EarlierApprovalsOfAgent, EarlierApprovalsOfGrant
from jitney.handlers.caller.other_grants import OtherGrantsLookup
from jitney.handlers.caller.refusals import count_refused
from jitney.handlers.grant.grant_windows import grant_windows
from jitney.handlers.runtime.http import Request
from jitney.handlers.runtime.logs import note_grant
from jitney.handlers.runtime.ports import Ports


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """One request of an authenticated principal at `now` (epoch seconds), with the suspensions at its start.

    `named_grants` are the ids of existing grants that the request named so far. The record of a refusal has the last.
    """

    request: Request
    ports: Ports
    now: int
    caller: Authenticated
    suspensions: Suspensions
    named_grants: list[str] = field(default_factory=list, compare=False, repr=False)

    @property
    def principal(self) -> Principal:
        """The caller."""
        return self.caller.principal

    @property
    def origin(self) -> Origin:
        """The source address and id of the request."""
        return self.request.origin

    def url(self, path: str) -> str:
        """Return the absolute address of a path of the API, as this caller reaches it."""
        return f"{self.ports.scheme}:{self.request.base}{path}"

    def other_grants(self, target: Target, grant: Grant | None = None) -> OtherGrantsLookup:
        """Return the lookup of the caller's other grants, for a decision on the target.

        Without `grant`, the decision is on a new request. A decision on `grant` counts the agent's unit and owners at
        the time of its request.
        """
        if grant is None:
            return OtherGrantsLookup(self.ports, self.principal, target.account, self.now)
        who = replace(self.principal, unit=grant.unit, agent_owners=grant.agent_owners)
        return OtherGrantsLookup(self.ports, who, target.account, self.now, grant.id)

    def decide(
        self,
        access_request: AccessRequest,
        others: OtherGrantsLookup,
        approvals: Collection[str] = (),
        grant: Grant | None = None,
        call_seconds: int = 0,
    ) -> Decision:
        """Return the decision about a request, from the caller's other grants and these approvals.

        `grant` is the grant whose request is decided again, or in which a call is made. It is None for a new request.
        `call_seconds` is how long the agent can use a call's ticket.

        Raises Problem suspended when the caller or the target is suspended.
        """
        ports, config = self.ports, self.ports.config
        target = config.targets[access_request.target]
        self.suspensions.require_unsuspended(self.principal, target)
        rules = ports.policies, ports.actions, config.limits, config.reviewers
        earlier: EarlierApprovalsLookup = (
            EarlierApprovalsOfGrant(ports, self.suspensions, grant, self.now)
            if grant
            else EarlierApprovalsOfAgent(ports, self.suspensions, self.principal, target, self.now)
        )
        seen, windows = (approvals, others, earlier), grant_windows(config, self.now, grant, call_seconds)
        return decide(self.principal, access_request, target, *rules, *seen, windows=windows)

    def open_windows(self) -> WindowTimes:
        """Return the time windows from now on."""
        return grant_windows(self.ports.config, self.now, None)

    def session_policy(
        self,
        permissions: tuple[Permission, ...],
        profile: GrantedProfile | None,
        target: Target,
        ends_at: int,
        way: Way,
    ) -> SessionPolicy:
        """Return the session policy for a grant on the target. Raises Problem."""
        return access_policy(permissions, profile, target, ends_at, self.ports.actions, way, self.origin.source_ip)

    def request_members(
        self, access_request: AccessRequest, target: Target, decision: Decision | None = None
    ) -> dict[str, Any]:
        """Return the record members that describe a request and, with its decision, its risks."""
        members = audit.request_members(access_request, target, decision, self.requester)
        members["detail"] |= profile_detail(access_request, self.ports.actions)
        if decision:
            members["detail"] |= self.decided_detail(access_request, target, decision)
        return members

    def decided_detail(self, access_request: AccessRequest, target: Target, decision: Decision) -> dict[str, Any]:
        """Return the record members about the decision on a request that the caller made now."""
        return decided_detail(access_request, target, decision, self.principal, self.open_windows(), self.ports)

    def record(
        self, event: AuditEvent, outcome: Outcome, keys: Sequence[SingleUseKey | Quota] = (), **members: Any
    ) -> None:
        """Write a record that belongs to no grant, in a chain of its own. Raises Conflict for a used key."""
        record = self.new_record(event, outcome, **members)
        self.ports.store.record(audit.chain_record(record, self.ports.new_id("r")), keys, now=self.now)

    def new_record(self, event: AuditEvent, outcome: Outcome, **members: Any) -> AuditRecord:
        """Return the record of an act of the caller, at the present time. `members` are the record's other members."""
        return audit.principal_record(event, outcome, self.principal, self.origin, self.ports.now(), **members)

    def use_of_key(self, key: str) -> str | None:
        """Return what the store keeps of an earlier POST with this Idempotency-Key; None for "" and for a new key."""
        stored = idempotency_key(self.principal.owner_key, key)
        return self.ports.store.idempotency_value(stored, self.now) if key else None

    def count_against(self, quotas: Sequence[Quota]) -> bool:
        """Use the quotas. Return False if one of them is used up, or if they cannot be counted."""
        try:
            if quotas:
                self.ports.store.consume(quotas, now=self.now)
        except (Conflict, Problem):
            return False
        return True

    @contextmanager
    def counting_refusals(self, event: AuditEvent = AuditEvent.REFUSAL) -> Iterator[None]:
        """Count any problem raised in the block as a refusal of `event`, then re-raise it."""
        try:
            yield
        except Problem as problem:
            self.count_refusal(problem.code, event)
            raise

    def count_refusal(self, code: str, event: AuditEvent = AuditEvent.REFUSAL, grant: str = "") -> None:
        """Count one refusal of `event`, and record the counts that are due.

        `grant` is the grant's id, if it is not the last of `named_grants`.
        """
        about = refusal_of(self.principal, code, self.origin, event, grant or next(reversed(self.named_grants), ""))
        count_refused(about, self.ports, self.now, self.origin.request_id)

    @property
    def requester(self) -> Requester:
        """The caller as people read it."""
        return requester_of(self.principal, self.ports.config)

    @property
    def is_operator(self) -> bool:
        """Whether the caller is in an operator group."""
        return bool(self.principal.groups & set(self.ports.config.operators))

    def require_operator(self, to: str) -> None:
        """Raise Problem not_operator unless the caller is an operator. `to` names the act that needs an operator."""
        if not self.is_operator:
            fix = "Ask an operator or your platform engineer."
            raise Problem("not_operator", f"You are in none of the groups that may {to}.", fix)

    def own_grant(self) -> Grant:
        """Return the caller's own grant with the path's id. A grant that a suspension ended is returned as revoked.

        Raises Problem grant_not_found, also for others' grants, and grant_unreadable.
        """
        try:
            return self.own(self.stored_grant_in_path())
        except Problem as problem:
            if problem.code == "grant_unreadable" and self.own_unreadable_grant() is None:
                self.own(None)
            raise

    def own_unreadable_grant(self) -> Grant | None:
        """Return the part of the caller's own unreadable grant that is needed to end it; None for other grants."""
        grant = self.unreadable_grant_in_path()
        return grant if grant and owner_names(grant.owner_key) == owner_names(self.principal.owner_key) else None

    def owns(self, grant: Grant) -> bool:
        """Return whether a grant is the caller's own."""
        return (grant.agent, grant.human) == (self.principal.identity, self.principal.human)

    def own(self, grant: Grant | None) -> Grant:
        """Return a stored grant if it is the caller's own. A grant that a suspension ended is returned as revoked.

        Raises Problem grant_not_found, also for others' grants.
        """
        if grant:
            self.named_grants.append(grant.id)
        if grant is None or not self.owns(grant):
            fix = "Check the id, and use a token of the same agent and the same person, if it acts for a person."
            raise Problem("grant_not_found", "You have no grant with this id.", fix)
        note_grant(grant.id)
        return self.suspensions.applied(grant)

    def grant(self, grant_id: str) -> Grant | None:
        """Return the grant of an id, or None. A grant that a suspension ended is returned as revoked."""
        grant = self.ports.store.grant(grant_id)
        return grant and self.suspensions.applied(grant)

    def stored_grant_in_path(self) -> Grant | None:
        """Return the grant with the path's id as stored, or None. Does not check who may see it."""
        grant = self.ports.store.grant(self.request.grant_id) if self.request.grant_id else None
        if grant:
            self.named_grants.append(grant.id)
        return grant

    def unreadable_grant_in_path(self) -> Grant | None:
        """Return the part of the path's unreadable grant that is needed to end it; None for other grants."""
        return self.ports.store.unreadable_grant(self.request.grant_id) if self.request.grant_id else None
