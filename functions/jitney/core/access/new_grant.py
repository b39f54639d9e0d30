"""The grant that a decision opens."""

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State, capped_end, reviews_of
from jitney.core.access.request import AccessRequest
from jitney.core.config import Target
from jitney.core.identity.principal import Principal


def open_grant(
    grant_id: str,
    principal: Principal,
    request: AccessRequest,
    target: Target,
    decision: Decision,
    review_ends: int,
    now: int,
    ends_by: int | None = None,
) -> Grant:
    """Return the grant that a decision opens: active from `now` if allowed, else pending until `review_ends`.

    In both states it ends by `ends_by` (epoch seconds), if given. Raises ValueError for a denied decision.
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
        unit=principal.unit,
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
        expires_at=capped_end(now + request.duration_seconds if allowed else review_ends, ends_by),
        ends_by=ends_by,
        policy_version=decision.policy_version,
        reviews=reviews_of(decision),
        groups=tuple(sorted(principal.groups)),
        agent_owners=principal.agent_owners,
        facts=principal.facts,
        tags=principal.tags,
        access_profile=request.access_profile,
    )
