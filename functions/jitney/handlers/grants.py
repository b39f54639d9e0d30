"""POST /v1/grants: ask for access."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from jitney.adapters.store import Conflict, StaleWrite
from jitney.core import audit
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.eligibility import require_active_grant
from jitney.core.access.grant import Grant, State, open_grant
from jitney.core.access.other_grants import OtherGrantsUpdate
from jitney.core.access.request import AccessRequest
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.problems import Problem
from jitney.core.single_use import idempotency_key, idempotency_record, repeated_grant_id, ungranted_quota
from jitney.handlers.callers import AuthenticatedRequest, authenticate_request
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response
from jitney.handlers.issuance import (
    RecordContent,
    issue_credentials,
    record_next,
    renew_credentials,
    session_request_of,
)
from jitney.handlers.ports import Ports
from jitney.handlers.responses import (
    deciding_policies,
    denied_problem,
    explanation_view,
    grant_response,
    rate_limited_problem,
)

if TYPE_CHECKING:
    from jitney.core.review.pending import PendingReviewsUpdate

MAX_ATTEMPTS = 10
"""Of deciding, when requests of one agent that could be combined are decided at the same time."""


def create_grant(request: Request, ports: Ports) -> Response:
    """201 with credentials, 202 under review, or Problem: the request is malformed, denied, or repeated differently."""
    call = authenticate_request(request, ports)
    with call.recording_refusals(AuditEvent.REQUEST):
        asked, key = call.asked(), idempotency_key_of(request)
    answer = _decide_and_open(asked, key, call)
    return replace(answer, body={**answer.body, **explanation_view(asked)})


def _decide_and_open(
    asked: AccessRequest, key: str, call: AuthenticatedRequest, attempts: int = MAX_ATTEMPTS
) -> Response:
    """Decide, write what was decided, issue; decide again when others changed what it was decided over (POL 5)."""
    ports = call.ports
    with call.recording_refusals(AuditEvent.REQUEST):
        if not attempts:
            raise Problem("grant_conflict", "Other grants of yours kept changing at the same time.", "Ask again.")
        target = ports.config.targets[asked.target]
        besides = call.besides(target)
        decision = call.decide(asked, besides)
    with _recording_ungranted(asked, decision, call):
        if decision.effect is Effect.DENY:
            raise denied_problem(decision, asked)
        review_ends = call.now + ports.config.limits.review_seconds
        grant = open_grant(ports.new_id("g"), call.principal, asked, target, decision, review_ends, call.now)
        session = session_request_of(grant, call)
        holdings = besides.entering(grant)
    try:
        if decision.effect is Effect.ALLOW:
            opened = _open(grant, decision, key, call, asked, holdings)
        else:
            return _review(grant, decision, key, call, asked, holdings)
    except StaleWrite:
        return _decide_and_open(asked, key, call, attempts - 1)
    except Conflict:
        return _idempotent_response(key, call, asked)
    return grant_response(201, opened, call, issue_credentials(opened, session, call))


@contextmanager
def _recording_ungranted(asked: AccessRequest, decision: Decision, call: AuthenticatedRequest) -> Iterator[None]:
    """Record a problem inside, which lets no grant begin, then raise it on.

    It tells what was decided, as a dry run does: past the quota of the minute, each is answered alike (POL 9).
    """
    try:
        yield
    except Problem as problem:
        if problem.code == "unavailable":  # what fails tells nothing of the decision: the same token may ask again
            raise
        quota = ungranted_quota(call.principal.owner_key, call.ports.config.limits.previews_per_minute, call.now)
        outcome = Outcome.DENIED if decision.effect is Effect.DENY else Outcome.REFUSED
        target = call.ports.config.targets[asked.target]
        members = audit.request_members(asked, target, decision) | deciding_policies(decision)
        try:
            call.record(AuditEvent.REQUEST, outcome, (quota, *call.once), code=problem.code, **members)
        except Conflict as taken:
            instead = rate_limited_problem(quota) if taken.key == quota.key else call.caller.replay_refusal()
            call.count_refusal(instead.code)
            raise instead from taken
        raise


def idempotency_key_of(request: Request) -> str:
    """The Idempotency-Key header, "" if there is none. Raises Problem request_invalid for an unusable one."""
    key = request.headers.get("idempotency-key", "")
    if len(key) > 255 or not key.isprintable():
        fix = "Use up to 255 printable characters, such as a UUID."
        raise Problem("request_invalid", "The Idempotency-Key is too long or not printable.", fix)
    return key


def _review(
    grant: Grant,
    decision: Decision,
    key: str,
    call: AuthenticatedRequest,
    asked: AccessRequest,
    holdings: Sequence[OtherGrantsUpdate],
) -> Response:
    """Open a pending grant and start its review, unless an equal one is pending (REV 12). Raises Taken or Changed."""
    from jitney.handlers.review_queue import join, queue  # noqa: PLC0415 - an allowed request shall not wait for it

    with _recording_ungranted(asked, decision, call):
        queued = queue(grant, key, call)
    if isinstance(queued, Grant):
        join(queued, decision, key, call, asked)
        answer = grant_response(202, queued, call)
        return replace(answer, body={**answer.body, "repeats": True})
    opened = _open(grant, decision, key, call, asked, holdings, queued)
    try:
        call.ports.approval_workflow.start(opened)
    except Problem as problem:
        closed = record_next(
            opened, RecordContent(AuditEvent.REQUEST, Outcome.FAILED, problem.code), call, State.FAILED
        )
        raise Problem(problem.code, problem.detail, problem.fix, {"grant": closed.view()}) from problem
    return grant_response(202, opened, call)


def _open(
    grant: Grant,
    decision: Decision,
    key: str,
    call: AuthenticatedRequest,
    asked: AccessRequest,
    holdings: Sequence[OtherGrantsUpdate],
    entering: "PendingReviewsUpdate | None" = None,
) -> Grant:
    """Write the grant, its first record, its entries and the keys that the POST uses up. Raises Taken or Changed."""
    outcome = Outcome.ALLOWED if decision.effect is Effect.ALLOW else Outcome.REVIEW
    detail = {"permissions": grant.view()["permissions"], "reviews": grant.reviews}
    detail |= audit.calls_detail(asked) | audit.decision_detail(decision)
    members = deciding_policies(decision) | {"detail": detail}
    first = audit.next_chained_record(
        audit.grant_record(AuditEvent.REQUEST, outcome, grant, call.origin, call.now, **members), grant
    )
    opened = audit.with_chain_head(grant, first)
    onces = (idempotency_record(grant.owner_key, key, asked.body, grant.id, call.now),) if key else ()
    call.ports.store.open(opened, first, (*onces, *call.once), holdings=holdings, entering=entering, now=call.now)
    return opened


def _idempotent_response(key: str, call: AuthenticatedRequest, asked: AccessRequest) -> Response:
    """The answer to a POST that was made before: the same grant's, or Problem for another body or a replayed token."""
    store = call.ports.store
    holds = store.held(idempotency_key(call.principal.owner_key, key)) if key else None
    grant_id = repeated_grant_id(holds, asked.body) if holds else None
    grant = store.grant(grant_id) if grant_id else None
    if grant is None:
        problem = _mismatch() if holds else call.caller.replay_refusal()
        call.record(AuditEvent.REQUEST, Outcome.REFUSED, code=problem.code)
        raise problem
    if grant.at(call.now).state is State.PENDING:
        return grant_response(202, grant, call)
    with call.counting_refusals():
        active = require_active_grant(grant, call.now)
    renewed, credentials = renew_credentials(active, call)
    return grant_response(201, renewed, call, credentials)


def _mismatch() -> Problem:
    fix = "Use a new key for a new request; repeat a request with exactly the same body."
    return Problem("idempotency_mismatch", "This Idempotency-Key came with another body before.", fix)


NEEDS = ("config", "policies", "actions", "keys", "store", "sessions")

handler = endpoint(create_grant, NEEDS)
