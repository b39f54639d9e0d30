"""Answers that grant nothing, but reveal something about the policies (POL 9).

Each counts against a quota. After the minute's quota, every answer is the same.
"""

from typing import Any

from jitney.adapters.transactions import Conflict
from jitney.core.quotas import Quota, preview_quota, ungranted_quota
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.responses import unit_limited_problem


def count_preview(authenticated: AuthenticatedRequest, event: AuditEvent) -> None:
    """Count one dry run, or another answer of `event` that reveals as much as one, before any work is done.

    Raises Problem rate_limited after counting a refusal.
    """
    quota = preview_quota(
        authenticated.principal.quota_key,
        authenticated.ports.config.limits.ungranted_requests_per_minute,
        authenticated.now,
    )
    try:
        authenticated.ports.store.consume((quota,), now=authenticated.now)
    except Conflict as conflict:
        problem = unit_limited_problem(quota, authenticated.principal, authenticated.now)
        authenticated.count_refusal(problem.code, event)
        raise problem from conflict


def has_quota(event: AuditEvent, authenticated: AuthenticatedRequest) -> bool:
    """Count such an answer before doing the work for it. Return False if the quota is used up or cannot be read."""
    return authenticated.count_against(_quotas(event, authenticated))


def record_ungranted(event: AuditEvent, outcome: Outcome, authenticated: AuthenticatedRequest, **members: Any) -> None:
    """Write the record of such an answer. Raises Problem rate_limited instead, when the quota is used up."""
    quotas = _quotas(event, authenticated)
    try:
        authenticated.record(event, outcome, quotas, **members)
    except Conflict as conflict:
        instead = unit_limited_problem(quotas[0], authenticated.principal, authenticated.now)
        authenticated.count_refusal(instead.code, event)
        raise instead from conflict


def _quotas(event: AuditEvent, authenticated: AuthenticatedRequest) -> tuple[Quota, ...]:
    """Return the quotas that such an answer counts against: () for a dry run, which was counted when it began."""
    if event is AuditEvent.PREVIEW:
        return ()
    return (
        ungranted_quota(
            authenticated.principal.quota_key,
            authenticated.ports.config.limits.ungranted_requests_per_minute,
            authenticated.now,
        ),
    )
