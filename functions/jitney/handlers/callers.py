"""Who calls: authentication at the edge, and the records of those who were refused."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jitney.core import audit
from jitney.core.access.decision import Decision
from jitney.core.access.grant import Grant
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.request_body import parse_request
from jitney.core.access.session_policy import SessionPolicy, compile_policy, options_for
from jitney.core.audit import AuditEvent, AuditRecord, Origin, Outcome
from jitney.core.config import Target
from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.core.refusal_counts import RefusalKey
from jitney.core.single_use import Quota, SingleUseKey
from jitney.handlers.http import Request
from jitney.handlers.logs import logger
from jitney.handlers.other_grants import OtherGrantsLookup
from jitney.handlers.ports import Ports

GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuthenticatedRequest:
    """One call of a proven principal at `now` (epoch seconds)."""

    request: Request
    ports: Ports
    now: int
    caller: Authenticated

    @property
    def principal(self) -> Principal:
        """Who calls."""
        return self.caller.principal

    @property
    def once(self) -> tuple[SingleUseKey, ...]:
        """The once-key of a token that is for single use (ID 9): taken by requests, not by looking at one's grants."""
        single_use = self.caller.single_use
        return (SingleUseKey(f"REPLAY#{single_use.key}", single_use.expires_at),) if single_use else ()

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return self.request.origin

    def asked(self) -> AccessRequest:
        """The access request in the body. Raises what `parse_request` raises, and Problem unavailable.

        Where no tag can be had for a secret in it, it has to be asked again: without the tag, the same request would
        not be known again for the same.
        """
        ports, config = self.ports, self.ports.config
        mask = ports.mask_request(self.principal.owner_key)
        return parse_request(self.request.body, config.targets, config.limits, ports.explain_calls, mask)

    def besides(self, target: Target, grant_id: str = "") -> OtherGrantsLookup:
        """What the principal holds in the target's account besides a new grant, or besides that of `grant_id`."""
        return OtherGrantsLookup(
            self.ports, self.principal.source_identity, self.principal.human, target.account, self.now, grant_id
        )

    def decide(self, asked: AccessRequest, besides: OtherGrantsLookup, approvals: Collection[str] = ()) -> Decision:
        """What policy says now to what the principal asks, with what it holds besides and the approvals there are."""
        ports, config = self.ports, self.ports.config
        target, limits = config.targets[asked.target], config.limits
        who, reviewers = self.principal, config.reviewers
        return decide(who, asked, target, ports.policies, ports.actions, limits, reviewers, approvals, besides)

    def session_policy(self, permissions: tuple[Permission, ...], target: Target, ends_at: int) -> SessionPolicy:
        """The policy of a session on the target that is asked for by this call. Raises Problem."""
        options = options_for(target, self.origin.source_ip)
        return compile_policy(permissions, ends_at, self.ports.actions, options)

    def record(
        self, event: AuditEvent, outcome: Outcome, keys: Sequence[SingleUseKey | Quota] = (), **members: Any
    ) -> None:
        """Write a record that belongs to no grant, in a chain of its own. Raises Taken for a key that was used."""
        record = audit.principal_record(event, outcome, self.principal, self.origin, self.now, **members)
        self.ports.store.record(audit.chain_record(record, self.ports.new_id("r")), keys, now=self.now)

    @contextmanager
    def recording_refusals(self, event: AuditEvent) -> Iterator[None]:
        """Record any problem inside as a refusal of `event`, then raise it on."""
        try:
            yield
        except Problem as problem:
            self.record(event, Outcome.REFUSED, code=problem.code)
            raise

    @contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """Count any problem inside that a caller can run into without limit, then raise it on."""
        try:
            yield
        except Problem as problem:
            self.count_refusal(problem.code)
            raise

    def count_refusal(self, code: str) -> None:
        """Count one refusal, and record the counts that are due."""
        who = self.principal
        about = RefusalKey(who.issuer, self.origin.source_ip, code, who.source_identity, who.human or "")
        count_refused(about, self.ports, self.now)

    @property
    def is_operator(self) -> bool:
        """Whether a group of `operators` has the caller."""
        return bool(self.principal.groups & set(self.ports.config.operators))

    def require_operator(self, to: str) -> None:
        """Raises Problem not_operator, that the caller may not `to`, unless the caller is an operator."""
        if not self.is_operator:
            fix = "Ask somebody of an operator group, or your platform engineer."
            raise Problem("not_operator", f"You are in none of the groups that may {to}.", fix)

    def own_grant(self) -> Grant:
        """The grant of the path's id, if it is the caller's own; others' look as if they did not exist."""
        grant, who = self.grant_in_path(), self.principal
        if grant is None or (grant.issuer, grant.subject, grant.human) != (who.issuer, who.subject, who.human):
            fix = "Check the id, and that you ask with a token of the principal that it was granted to."
            raise Problem("grant_not_found", "You have no grant of this id.", fix)
        return grant

    def grant_in_path(self) -> Grant | None:
        """The grant of the path's id, whoever's it is: what the caller may know of it is to be looked at."""
        grant_id = self.request.path.get("id", "")
        return self.ports.store.grant(grant_id) if GRANT_ID.fullmatch(grant_id) else None


def authenticate_request(request: Request, ports: Ports) -> AuthenticatedRequest:
    """The call of the proven principal behind `request`. Raises Problem (401, 503) after counting the refusal."""
    now = ports.now()
    try:
        return AuthenticatedRequest(
            request, ports, now, authenticate(request.authorization, ports.config, ports.keys, now)
        )
    except Refusal as refusal:
        logger.warning("refused", issuer=refusal.issuer_name, code=refusal.code, source_ip=request.origin.source_ip)
        record_refusal(refusal, request, ports, now)
        raise


def record_refusal(refusal: Refusal, request: Request, ports: Ports, now: int) -> None:
    """Record the refusal of somebody who is proven, and count that of anybody else (ID 5)."""
    if refusal.principal:
        _record_known(refusal.principal, refusal.code, request, ports, now)
    else:
        count_refused(RefusalKey(refusal.issuer_name, request.origin.source_ip, refusal.code), ports, now)


def _record_known(principal: Principal, code: str, request: Request, ports: Ports, now: int) -> None:
    record = audit.principal_record(AuditEvent.REFUSAL, Outcome.REFUSED, principal, request.origin, now, code=code)
    ports.store.record(audit.chain_record(record, ports.new_id("r")), now=now)


def count_refused(about: RefusalKey, ports: Ports, now: int) -> None:
    """Count one refusal, and record the counts that are due."""
    for refused, count, minute in ports.refusals.add(about, now):
        record = AuditRecord(
            time=minute * 60,
            event=AuditEvent.REFUSAL,
            outcome=Outcome.REFUSED,
            code=refused.code,
            issuer=refused.issuer,
            principal=refused.principal,
            human=refused.human,
            source_ip=refused.source_ip,
            count=count,
        )
        ports.store.record(audit.chain_record(record, ports.new_id("r")), now=now)
