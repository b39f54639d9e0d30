"""Issuing: from an active grant, whose record is already written, to credentials."""

from typing import NamedTuple

from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.access.credentials import Credentials, SessionRequest, session_request
from jitney.core.access.decision import Effect
from jitney.core.access.eligibility import require_active_grant
from jitney.core.access.grant import Grant, State
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.config import Config, Target
from jitney.core.problems import Problem
from jitney.handlers.callers import AuthenticatedRequest
from jitney.handlers.responses import denied_problem

PERMANENT_FAILURES = frozenset({"issue_refused", "policy_too_large"})
"""Failures that another attempt cannot mend."""


class RecordContent(NamedTuple):
    """What the next record of a grant says."""

    event: AuditEvent
    outcome: Outcome
    code: str = ""


def record_next(grant: Grant, note: RecordContent, call: AuthenticatedRequest, state: State | None = None) -> Grant:
    """Write the next record of `grant`, and with it its move to `state` if one is given; the grant as it then is.

    Raises Problem grant_conflict when the grant changed since it was read.
    """
    after = grant.move(state) if state else grant
    link = audit.next_chained_record(
        audit.grant_record(note.event, note.outcome, after, call.origin, call.now, code=note.code), grant
    )
    after = audit.with_chain_head(after, link)
    try:
        call.ports.store.save(grant, after, link, now=call.now)
    except StaleWrite as changed:
        raise Problem("grant_conflict", "The grant changed at the same time.", "Ask again.") from changed
    return after


def session_request_of(grant: Grant, call: AuthenticatedRequest) -> SessionRequest:
    """What STS will be asked for `grant`: made before anything is written. Raises Problem, such as policy_too_large."""
    target = target_of(grant, call.ports.config)
    policy = call.session_policy(grant.permissions, target, grant.expires_at)
    return session_request(grant, policy, target.external_id, call.now)


def issue_credentials(grant: Grant, session: SessionRequest, call: AuthenticatedRequest) -> Credentials:
    """Credentials for an active grant whose record is durable (STS 6). Raises Problem after recording the failure."""
    try:
        return call.ports.sessions.issue(session)
    except Problem as problem:
        note = RecordContent(AuditEvent.ISSUE, Outcome.FAILED, problem.code)
        noted = record_next(grant, note, call, State.FAILED if problem.code in PERMANENT_FAILURES else None)
        extras = {**problem.extras, "grant": noted.view()}
        raise Problem(problem.code, problem.detail, problem.fix, extras, problem.headers) from problem


def renew_credentials(grant: Grant, call: AuthenticatedRequest) -> tuple[Grant, Credentials]:
    """Credentials once more for an active grant that policy still allows (POL 1) by the votes that stand (REV 3).

    Raises Problem: denied, or what `issue` raises.
    """
    session = session_request_of(grant, call)
    besides = call.besides(target_of(grant, call.ports.config), grant.id)
    decision = call.decide(grant.as_request(), besides, _approvals(grant, call))
    if decision.effect is not Effect.ALLOW:
        record_next(grant, RecordContent(AuditEvent.ISSUE, Outcome.DENIED, "denied"), call)
        raise denied_problem(decision)
    recorded = _record_issue(grant, call)
    return recorded, issue_credentials(recorded, session, call)


def _approvals(grant: Grant, call: AuthenticatedRequest) -> frozenset[str]:
    if not grant.break_glass and not grant.approvals:
        return frozenset()
    from jitney.core.review.grant_under_review import GrantUnderReview  # noqa: PLC0415 - allowed requests do not need it

    config = call.ports.config
    review = GrantUnderReview(grant, config)
    if grant.break_glass:
        from jitney.core.review.break_glass import break_glass_approvals  # noqa: PLC0415 - as above

        return break_glass_approvals(review, config.reviewers)
    from jitney.core.review.votes import valid_approvals  # noqa: PLC0415 - as above

    return valid_approvals(review, config.reviewers)


def _record_issue(grant: Grant, call: AuthenticatedRequest, attempts: int = 5) -> Grant:
    """Record an issue; when others of the same grant are recorded at the same time, after them.

    Raises Problem grant_conflict when they do not end, or the problem of a grant that is no longer active.
    """
    try:
        return record_next(grant, RecordContent(AuditEvent.ISSUE, Outcome.ALLOWED), call)
    except Problem as problem:
        current = call.ports.store.grant(grant.id) if problem.code == "grant_conflict" else None
        if current is None or attempts == 1:
            raise
    return _record_issue(require_active_grant(current, call.now), call, attempts - 1)


def target_of(grant: Grant, config: Config) -> Target:
    """The target of a grant, if it is still configured and still the same role. Raises Problem target_unknown."""
    target = config.targets.get(grant.target)
    if target is None or target.role_arn != grant.role_arn:
        fix = "Make a new request; the targets were configured anew."
        raise Problem("target_unknown", f"The target {grant.target!r} is not what it was.", fix)
    return target
