"""Credentials for an active grant whose record is already written."""

from dataclasses import replace

from jitney.adapters.transactions import Conflict
from jitney.core.access.credentials import Credentials, SessionRequest, session_request
from jitney.core.access.current_names import has_current_names
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import OPEN_STATES, Grant, State
from jitney.core.config import Config
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, renewal_quota
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.review.approvals_in_force import approvals_in_force
from jitney.core.target_config import Target
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.grant_updates import PATIENT, GrantUpdate, RecordedGrant, record_update, update_grant
from jitney.handlers.grant.responses import active_grant, deciding_policies, denied_problem, rate_limited_problem
from jitney.handlers.review.under_review import under_review

PERMANENT_FAILURES = frozenset({"policy_too_large"})
"""Failures that another attempt cannot repair. The grant fails with them.

A refusal by AWS may pass: a change of a role takes moments to be in force, and a target's stack may be deployed later
than the broker's. The grant's approvals are not lost then.
"""


def record_outcome(
    grant: Grant,
    outcome: Outcome,
    code: str,
    authenticated: AuthenticatedRequest,
    *,
    fails: bool = False,
    quotas: tuple[Quota, ...] = (),
    decision: Decision | None = None,
) -> Grant:
    """Record the outcome of an issue, with the policies of its `decision`. With `fails`, also fail an open grant.

    A grant that a suspension ended meanwhile does not fail, because that would hide the suspension's end (REV 11).
    Raises Problem grant_conflict, unavailable, and Conflict for a used quota.
    """

    def change(before: Grant) -> GrantUpdate:
        after = before.move(State.FAILED) if fails and _may_fail(before, authenticated) else before
        policies = deciding_policies(decision) if decision else {}
        members = {"code": code, **policies}
        record = audit.grant_record(
            AuditEvent.ISSUE, outcome, after, authenticated.origin, authenticated.now, **members
        )
        return GrantUpdate(after, record, quotas=quotas)

    return update_grant(grant, change, authenticated.ports, turn=PATIENT)


def _may_fail(grant: Grant, authenticated: AuthenticatedRequest) -> bool:
    return grant.state in OPEN_STATES and authenticated.ports.suspensions.current().ending(grant) is None


def session_request_of(grant: Grant, authenticated: AuthenticatedRequest, seconds: int | None = None) -> SessionRequest:
    """Return the STS call for a grant before anything is written. Raises Problem, such as policy_too_large.

    The session ends after `seconds`, if given, and with the grant at the latest.
    """
    target = target_of(grant, authenticated.ports.config)
    end = grant.expires_at if seconds is None else min(authenticated.now + seconds, grant.expires_at)
    policy = authenticated.session_policy(grant.permissions, grant.access_profile, target, end, grant.way)
    return session_request(grant, policy, target.external_id, authenticated.now, ends_at=end)


def issue_credentials(
    grant: RecordedGrant, session: SessionRequest, authenticated: AuthenticatedRequest
) -> Credentials:
    """Return credentials for an active, recorded grant (STS 6). A failure is recorded, then raised as Problem."""
    try:
        return authenticated.ports.sessions.issue(session)
    except Problem as problem:
        fails = problem.code in PERMANENT_FAILURES
        recorded = record_outcome(grant, Outcome.FAILED, problem.code, authenticated, fails=fails)
        raise replace(problem, extras={**problem.extras, "grant": recorded.view()}) from problem


def renew_credentials(
    grant: Grant, authenticated: AuthenticatedRequest, seconds: int | None = None
) -> tuple[Grant, Credentials]:
    """Renew the credentials of an active grant that policy still allows (POL 1) with its valid votes (REV 3).

    They end after `seconds`, if given, and with the grant at the latest. Renewals of one grant at the same time wait
    for each other. Raises Problem: denied, rate_limited, or what `issue_credentials` raises.
    """
    quota = renewal_quota(grant.id, authenticated.ports.config.limits.renewals_per_minute, authenticated.now)
    try:
        return _renewed(grant, quota, authenticated, seconds)
    except Conflict as used:
        authenticated.count_refusal("rate_limited", AuditEvent.ISSUE, grant.id)
        raise rate_limited_problem(quota, authenticated.now) from used


def _renewed(
    grant: Grant, quota: Quota, authenticated: AuthenticatedRequest, seconds: int | None
) -> tuple[Grant, Credentials]:
    with authenticated.counting_refusals(AuditEvent.ISSUE):
        session = session_request_of(grant, authenticated, seconds)
        decision = decide_again(grant, authenticated)
    if decision.effect is not Effect.ALLOW:
        record_outcome(grant, Outcome.DENIED, "denied", authenticated, quotas=(quota,), decision=decision)
        raise denied_problem(decision)
    recorded = _record_issue(grant, quota, authenticated)
    return recorded, issue_credentials(recorded, session, authenticated)


def decide_again(grant: Grant, authenticated: AuthenticatedRequest) -> Decision:
    """Return what policies decide now about an active grant with its valid votes. Raises Problem."""
    others = authenticated.other_grants(target_of(grant, authenticated.ports.config), grant)
    return authenticated.decide(grant.as_request(), others, approvals_of(grant, authenticated), grant)


def approvals_of(grant: Grant, authenticated: AuthenticatedRequest) -> frozenset[str]:
    """Return the approvals of a grant that are valid now, with the approvals that break-glass replaces."""
    return approvals_in_force(under_review(grant, authenticated.ports, authenticated.suspensions), authenticated.now)


def _record_issue(grant: Grant, quota: Quota, authenticated: AuthenticatedRequest) -> RecordedGrant:
    """Record an issue of credentials. Raises Problem for a grant that is not active, and Conflict for a used quota."""

    def change(before: Grant) -> GrantUpdate:
        active = replace(active_grant(before, authenticated), unissued=False)
        record = audit.grant_record(AuditEvent.ISSUE, Outcome.ALLOWED, active, authenticated.origin, authenticated.now)
        return GrantUpdate(active, record, quotas=(quota,))

    return record_update(grant, change, authenticated.ports, PATIENT)


def target_of(grant: Grant, config: Config) -> Target:
    """Return the target of a grant. Raises Problem target_unknown when it was removed, or its role or Region changed.

    Raises Problem grant_ended when the agent or human of the grant has another name now.
    """
    if not has_current_names(grant, config):
        detail = f"In jitney.yaml, the name of the agent or human of grant {grant.id} changed after the request."
        raise Problem("grant_ended", detail, "Make a new request.")
    target = config.targets.get(grant.target)
    if target is None or grant.role_arn not in target.role_arns or grant.region != target.region:
        detail = f"Target {grant.target!r} was removed or changed since the grant was requested."
        raise Problem("target_unknown", detail, "Make a new request.")
    return target


def is_outdated(grant: Grant, config: Config) -> bool:
    """Return whether the configuration changed since the request, and no credentials are issued for the grant."""
    try:
        target_of(grant, config)
    except Problem:
        return True
    return False
