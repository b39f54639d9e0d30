"""Requests for grants: decide, write the decision, and issue credentials or start a review."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from jitney.adapters.transactions import Conflict
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import GrantListUpdate
from jitney.core.access.id_ranges import dated_id
from jitney.core.access.new_grant import open_grant
from jitney.core.access.profile_wording import profile_detail
from jitney.core.access.request import AccessRequest, Way, permissions_view
from jitney.core.problems import Problem
from jitney.core.quotas import (
    Quota,
    grant_quota,
    idempotency_record,
    repeated_grant_id,
    review_quota,
)
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.target_config import Target
from jitney.handlers.access.incoming_request import decide_request, incoming_request
from jitney.handlers.access.review_queue import join, queue, unless_rejected_before
from jitney.handlers.access.review_starts import start_review
from jitney.handlers.access.size_trials import SizeTrial, grant_trial
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.profile_disclosure import denial
from jitney.handlers.caller.ungranted import record_ungranted
from jitney.handlers.grant.grant_updates import PATIENT, RecordedGrant, write_new_grant, write_until_current
from jitney.handlers.grant.issuance import issue_credentials, session_request_of
from jitney.handlers.grant.responses import (
    active_grant,
    deciding_policies,
    explanation_view,
    grant_response,
    too_many_grants_problem,
    too_many_reviews_problem,
)
from jitney.handlers.runtime.http import Request, Response


def request_grant(authenticated: AuthenticatedRequest) -> Response:
    """Return the answer to the grant request in the body of `authenticated`, which is a POST.

    201 with credentials, or without them for the gateway; 202 under review. Raises Problem if the request is malformed
    or denied, or repeats a key with another body.
    """
    access_request = incoming_request(authenticated, AuditEvent.REQUEST)
    with authenticated.counting_refusals(AuditEvent.REQUEST):
        key = idempotency_key_of(authenticated.request)
    opening = _GrantOpening(authenticated, access_request, key, grant_trial(authenticated))
    answer = write_until_current(opening.answer, opening.conflict, authenticated.ports, PATIENT)
    explanation = explanation_view(access_request)
    return replace(answer, body={**answer.body, **explanation}) if explanation else answer


@dataclass(frozen=True, slots=True)
class _GrantOpening:
    """The opening of a grant for a request. `key` is the Idempotency-Key or "".

    `trial` shows whether STS accepts the size of a grant's policy.
    """

    authenticated: AuthenticatedRequest
    access_request: AccessRequest
    key: str
    trial: SizeTrial

    def answer(self) -> Response:
        """Decide, write the decision, and issue credentials, except for the gateway.

        Raises StaleWrite if the caller's other grants changed after the decision read them (POL 5).
        """
        authenticated, access_request = self.authenticated, self.access_request
        decision, others = decide_request(access_request, authenticated, AuditEvent.REQUEST)
        try:
            with self._refusing_new(decision):
                if decision.effect is Effect.DENY:
                    raise denial(decision, access_request, authenticated, others)
                grant = self._new_grant(decision)
                session = session_request_of(grant, authenticated, access_request.credential_seconds)
                updates = others.updates_for(grant)
            if decision.effect is not Effect.ALLOW:
                return self._review(grant, decision, updates)
            created = self._create(grant, decision, updates)
        except Conflict:
            return self._repeat()
        if created.way is Way.GATEWAY:
            return grant_response(201, created, authenticated)
        return grant_response(201, created, authenticated, issue_credentials(created, session, authenticated))

    def conflict(self) -> Problem:
        """Count a request whose writes were all stale. Return the problem."""
        problem = Problem("grant_conflict", "Your other grants kept changing during this call.", "Repeat the call.")
        self.authenticated.count_refusal(problem.code, AuditEvent.REQUEST)
        return problem

    @property
    def _target(self) -> Target:
        return self.authenticated.ports.config.targets[self.access_request.target]

    @contextmanager
    def _refusing_new(self, decision: Decision) -> Iterator[None]:
        """Record a problem raised in the block as the outcome of a new request, then re-raise it.

        For a repeated POST, raises Conflict instead. The POST then gets the grant of the first one, although policies,
        limits or other grants may have changed since.

        The answer reveals the decision, as a dry run does. So when the quota of the minute is used up, every answer is
        the same (POL 9).
        """
        try:
            yield
        except Problem as problem:
            if problem.code in ("unavailable", "store_busy"):  # reveals nothing of the decision
                raise
            if self.authenticated.use_of_key(self.key):
                raise Conflict(self.key) from problem
            outcome = Outcome.DENIED if decision.effect is Effect.DENY else Outcome.REFUSED
            members = self.authenticated.request_members(self.access_request, self._target, decision)
            members |= deciding_policies(decision)
            record_ungranted(AuditEvent.REQUEST, outcome, self.authenticated, code=problem.code, **members)
            raise

    def _new_grant(self, decision: Decision) -> Grant:
        authenticated, target = self.authenticated, self._target
        ports = authenticated.ports
        grant_id = dated_id(ports.new_id("g"), ports.now())
        review_ends = authenticated.now + ports.config.limits.review_seconds
        bound = target.bind_to_caller and self.access_request.way is Way.GATEWAY
        return open_grant(
            grant_id,
            authenticated.principal,
            self.access_request,
            target,
            decision,
            review_ends,
            authenticated.now,
            authenticated.caller.grants_end_by,
            authenticated.origin.source_ip if bound else "",
        )

    def _review(self, grant: Grant, decision: Decision, updates: Sequence[GrantListUpdate]) -> Response:
        """Create a pending grant and start its review, or join an equal pending or uncollected one (REV 12).

        Before a new grant is created, a trial shows whether STS accepts the size of its policy. Raises Conflict or
        StaleWrite as `_create`.
        """
        authenticated = self.authenticated
        with self._refusing_new(decision):
            grant = unless_rejected_before(grant, self.access_request.changed, authenticated)
            queued = queue(grant, authenticated)
        if isinstance(queued, Grant):
            join(queued, decision, self.key, authenticated, self.access_request)
            answer = _repeated_response(queued, authenticated)
            return replace(answer, body={**answer.body, "repeats": True}) if answer.status == 202 else answer
        if authenticated.use_of_key(self.key):
            raise Conflict(self.key)  # a repeated POST needs no trial
        with self._refusing_new(decision):
            tried = self.trial.detail(grant)
        created = self._create(grant, decision, (*updates, queued), tried)
        start_review(created, authenticated.ports)
        return grant_response(202, created, authenticated)

    def _create(
        self,
        grant: Grant,
        decision: Decision,
        updates: Sequence[GrantListUpdate],
        tried: Mapping[str, Any] = MappingProxyType({}),
    ) -> RecordedGrant:
        """Write the grant, its first record, its list entries, and the keys that the POST uses.

        The record also has the size trial, `tried`.

        The grant counts against the hourly quota of its accountable unit. Raises Problem too_many_reviews or
        too_many_grants, Conflict for a used key and StaleWrite for a list that changed.
        """
        authenticated, access_request = self.authenticated, self.access_request
        outcome = Outcome.ALLOWED if decision.effect is Effect.ALLOW else Outcome.REVIEW
        members = deciding_policies(decision) | {"detail": {**self._detail(grant, decision), **tried}}
        record = audit.grant_record(
            AuditEvent.REQUEST, outcome, grant, authenticated.origin, authenticated.now, **members
        )
        quota, now = _quota_of(grant, authenticated), authenticated.now
        keys = (idempotency_record(grant.owner_key, self.key, access_request.body, grant.id, now),) if self.key else ()
        try:
            return write_new_grant(grant, record, (*keys, quota), updates, authenticated.ports, now)
        except Conflict as used:  # also for a used Idempotency-Key, which `_refusing_new` finds
            problem_of = too_many_reviews_problem if grant.state is State.PENDING else too_many_grants_problem
            with self._refusing_new(decision):
                raise problem_of(quota, grant.unit, now) from used

    def _detail(self, grant: Grant, decision: Decision) -> dict[str, Any]:
        authenticated, access_request = self.authenticated, self.access_request
        detail: dict[str, Any] = {"permissions": permissions_view(grant.permissions), "reviews": grant.reviews}
        detail |= {"repeated": grant.repeated.view()} if grant.repeated else {}
        detail |= {"counts_again": True} if grant.counts_again else {}
        earlier = [each.view() for each in grant.earlier_approvals]
        detail |= {"earlier_approvals": earlier} if earlier else {}
        return (
            detail
            | profile_detail(access_request, authenticated.ports.actions)
            | audit.way_detail(grant)
            | audit.calls_detail(access_request)
            | audit.decision_detail(decision)
            | authenticated.requester.record_detail()
            | authenticated.decided_detail(access_request, self._target, decision)
        )

    def _repeat(self) -> Response:
        """Return the answer to a repeated POST: its grant, or Problem for another body.

        The answer has no credentials, because Jitney does not store them (STS 5). If a repeat issued credentials,
        another AWS key would be live. So a repeat writes nothing, and only starts a review that could not be started
        before.
        """
        authenticated = self.authenticated
        payload = authenticated.use_of_key(self.key)
        grant_id = repeated_grant_id(payload, self.access_request.body) if payload else None
        grant = authenticated.grant(grant_id) if grant_id else None
        if grant is None:
            problem = _mismatch()
            authenticated.count_refusal(problem.code, AuditEvent.REQUEST)
            raise problem
        return _repeated_response(grant, authenticated)


def idempotency_key_of(request: Request) -> str:
    """Return the Idempotency-Key header, or "" without one. Raises Problem request_invalid for an unusable header."""
    key = request.headers.get("idempotency-key")
    if key is not None and (not key.strip() or len(key) > 255 or not key.isprintable()):
        fix = "Use up to 255 printable characters, such as a UUID."
        detail = "The Idempotency-Key is empty, too long or not printable."
        raise Problem("request_invalid", detail, fix, {"parameter": "Idempotency-Key"})
    return key or ""


def _quota_of(grant: Grant, authenticated: AuthenticatedRequest) -> Quota:
    limits = authenticated.ports.config.limits
    if grant.state is State.PENDING:
        return review_quota(grant.unit_key, limits.reviews_per_hour, authenticated.now)
    return grant_quota(grant.unit_key, limits.grants_per_hour, authenticated.now)


def _repeated_response(grant: Grant, authenticated: AuthenticatedRequest) -> Response:
    """Return the answer about a grant of an earlier POST. Raises Problem if the grant has ended."""
    if grant.at(authenticated.now).state is State.PENDING:
        start_review(grant, authenticated.ports)
        return grant_response(202, grant, authenticated)
    with authenticated.counting_refusals(AuditEvent.REQUEST):
        answer = grant_response(201, active_grant(grant, authenticated), authenticated)
    path = {"credentials_path": f"/v1/grants/{grant.id}/credentials"} if grant.way is Way.CREDENTIALS else {}
    return replace(answer, body={**answer.body, **path})


def _mismatch() -> Problem:
    fix = "Use a new key for a new request. Repeat a request with exactly the same body."
    return Problem("idempotency_mismatch", "This Idempotency-Key was used with another body.", fix)
