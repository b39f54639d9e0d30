"""Release and revocation: the state change with its record, and the deny document (END 1)."""

from collections.abc import Mapping
from dataclasses import replace

from jitney.adapters.transactions import Conflict
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.ended_approvals import with_revoked_approval
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.grant_effects import end_detail
from jitney.core.access.live_credentials import NoDenial, denial_of, needs_denial
from jitney.core.config import Config
from jitney.core.problems import Problem
from jitney.core.quotas import measurement_quota, repeated_end_quota
from jitney.core.records import audit
from jitney.core.records.audit import UNDENIED_REVOCATIONS, AuditEvent, Outcome
from jitney.core.target_config import TargetRole
from jitney.core.times import iso
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.ending.deny_documents import write_deny_document
from jitney.handlers.ending.deny_records import record_unwritten, record_written
from jitney.handlers.ending.suspended_grants import end_suspended_grant
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.grant.responses import rate_limited_problem
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports

ENDING_PORTS = (
    "config",
    "actions",
    "keys",
    "store",
    "suspensions",
    "deny_list",
    "role_policies",
    "measurement_starts",
    "grant_history",
)
"""The ports of each handler that ends a grant for a caller."""
END_EVENTS: Mapping[State, tuple[AuditEvent, Outcome]] = {
    State.RELEASED: (AuditEvent.RELEASE, Outcome.RELEASED),
    State.REVOKED: (AuditEvent.REVOCATION, Outcome.REVOKED),
}


def end_grant(grant: Grant, state: State, reason: str, authenticated: AuthenticatedRequest) -> Grant:
    """Release or revoke a grant for the caller, and write the denial of its live credentials.

    Returns the grant as stored: a grant that has expired is open until its expiry is on record. Nothing is denied if no
    credentials can be outside Jitney (`core.access.live_credentials`). `reason` is masked in the record, and cut if it
    is long. A grant that has ended before does not change, but its denial is repeated. It does change if nothing denies
    its credentials, but a release changes no revoked grant. A revocation also ends the grant's approval if that counts
    for later requests. Raises Problem revocation_incomplete or unavailable, with the current grant. Even then, no new
    credentials are issued for it. Repeating the call continues the work.
    """
    since_milliseconds = authenticated.ports.now_milliseconds()
    comment = authenticated.ports.masked_comment(reason, grant.owner_key)
    ending = GrantEnd(authenticated.now, authenticated.principal.source_identity, comment)
    ended = _recorded_end(_with_suspended_end(grant, authenticated), ending, state, authenticated)
    if ended.starts_at is None:
        resume_workflow(ended, authenticated.ports)
    if ended.ending is None or not needs_denial(ended, authenticated.now):
        return ended
    try:
        role = _deniable(ended, authenticated.ports.config)
        write_deny_document(role, authenticated.ports)
    except Problem as problem:
        if state is State.REVOKED:
            _log_undenied(ended, problem)
        if ended.ending is ending:
            ended = record_unwritten(
                ended, _deny_entry(ended, authenticated), problem, authenticated.origin, authenticated.ports
            )
        raise replace(problem, extras={"grant": ended.view()}) from problem
    if ended.ending is not ending:
        return ended  # the reconciler records a denial that is written later
    written_at = authenticated.ports.now()
    if state is State.REVOKED:
        ended = record_written(ended, _deny_entry(ended, authenticated), authenticated.origin, authenticated.ports)
    if role.target.canary and _may_measure(ended, authenticated):
        _start_measurement(ended, since_milliseconds, written_at, authenticated.ports)
    return ended


def require_few_repeats(grant: Grant, authenticated: AuthenticatedRequest) -> None:
    """Count a call that ends an ended grant again. Raises Problem rate_limited. The grant is denied even without it."""
    if grant.ending is None or not needs_denial(grant, authenticated.now):
        return
    quota = repeated_end_quota(grant.id, authenticated.principal.source_identity, authenticated.now)
    try:
        authenticated.ports.store.consume([quota], now=authenticated.now)
    except Conflict as used:
        raise rate_limited_problem(quota, authenticated.now) from used


def _log_undenied(grant: Grant, problem: Problem) -> None:
    """Log and count a revocation whose credentials may still work (END 7)."""
    logger.error(
        "revocation incomplete",
        grant_id=grant.id,
        target=grant.target,
        role=grant.role_arn,
        code=problem.code,
        aws_code=problem.aws_code,
    )
    count(UNDENIED_REVOCATIONS)


def _may_measure(grant: Grant, authenticated: AuthenticatedRequest) -> bool:
    """Return whether to measure the denial.

    Each revocation by an operator is measured. In a minute, a limited number of a unit's releases is measured, and as
    many of its other revocations. All other credentials are denied without a measurement, and also those that cannot be
    counted.
    """
    if grant.state is State.REVOKED and authenticated.is_operator:
        return True
    most = authenticated.ports.config.limits.measured_releases_per_minute
    return authenticated.count_against([measurement_quota(grant.unit_key, grant.state, most, authenticated.now)])


def _start_measurement(grant: Grant, since_milliseconds: int, written_at: int, ports: Ports) -> None:
    """Start a function that measures when AWS denies the grant. The answer does not wait for it or depend on it."""
    try:
        ports.measurement_starts.start(grant.id, since_milliseconds, written_at)
    except Problem as problem:
        logger.warning("time to deny not measured", grant_id=grant.id, code=problem.code)


def _deniable(grant: Grant, config: Config) -> TargetRole:
    """Return the target that has or had the grant's role, even under another alias.

    Raises Problem revocation_incomplete when there is no such target.
    """
    if target := config.target_with(grant.role_arn):
        return TargetRole(target, grant.role_arn)
    detail = (
        f"No target has the role {grant.role_arn} any more, so Jitney cannot deny it. Credentials of this grant work "
        f"until {iso(grant.expires_at)}."
    )
    fix = (
        "Ask your platform engineer to deny the role by hand (docs/deny-by-hand.md says how), or to put a target with "
        "that role back into jitney.yaml and deploy it. Then repeat the call."
    )
    raise Problem("revocation_incomplete", detail, fix)


def _recorded_end(grant: Grant, ending: GrantEnd, state: State, authenticated: AuthenticatedRequest) -> Grant:
    """Write the end of a grant, its record and its deny entry."""
    event, outcome = END_EVENTS[state]
    detail = {"by": ending.by, "reason": ending.reason}

    def change(before: Grant) -> GrantUpdate | None:
        ended = before.end(state, ending)
        if ended.ending is not ending and state in (State.REVOKED, ended.state):
            again = replace(before, state=state, ending=ending)
            if _is_undenied(again, authenticated):
                ended = again
            elif state is State.REVOKED:
                ended = with_revoked_approval(before, ending)
        if ended.ending is not ending:
            return None
        denial = _denial(ended, authenticated)
        entry = denial if isinstance(denial, DenyEntry) else None
        more = end_detail(ended, authenticated.ports.actions)
        more |= {"no_denial": str(denial)} if entry is None and ended.starts_at is not None else {}
        record = audit.grant_record(
            event, outcome, ended, authenticated.origin, authenticated.now, detail=detail | more
        )
        return GrantUpdate(ended, record, entry)

    return update_grant(grant, change, authenticated.ports)


def _with_suspended_end(grant: Grant, authenticated: AuthenticatedRequest) -> Grant:
    """Return the current grant, after writing the end by a suspension, if that is missing (END 8).

    That end came first, and agents and reviewers see it already. An unreadable grant, which has no permissions, does
    not change.
    """
    ports, suspensions = authenticated.ports, authenticated.suspensions
    if not grant.permissions or suspensions.ending(grant) is None:
        return grant
    end_suspended_grant(grant, suspensions, ports, in_iam=False)
    return ports.store.grant(grant.id) or grant


def _is_undenied(ended: Grant, authenticated: AuthenticatedRequest) -> bool:
    """Return whether a grant that ended before may have live credentials that nothing denies.

    Functions that cannot write the deny list may write an end into a grant.
    """
    if not needs_denial(ended, authenticated.now):
        return False
    target = authenticated.ports.config.target_with(ended.role_arn)
    if target and authenticated.suspensions.denies(ended, target):
        return False
    entries = authenticated.ports.deny_list.deny_entries(ended.role_arn, authenticated.now)
    return all(each.grant_id != ended.id for each in entries)


def _denial(ended: Grant, authenticated: AuthenticatedRequest) -> DenyEntry | NoDenial:
    return denial_of(ended, by_operator=ended.state is State.REVOKED and authenticated.is_operator)


def _deny_entry(ended: Grant, authenticated: AuthenticatedRequest) -> DenyEntry:
    """Return the deny entry of an end that needs one."""
    denial = _denial(ended, authenticated)
    if not isinstance(denial, DenyEntry):
        raise TypeError(f"the end needs no deny entry: {denial}")
    return denial
