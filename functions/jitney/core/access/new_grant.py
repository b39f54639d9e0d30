"""The grant that a decision opens."""

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import AccessRequest
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.identity.principal import Principal
from jitney.core.target_config import Target
from jitney.core.target_roles import role_of_grant


def open_grant(
    grant_id: str,
    principal: Principal,
    request: AccessRequest,
    target: Target,
    decision: Decision,
    review_ends: int,
    now: int,
    ends_by: int | None = None,
    bound_address: str = "",
) -> Grant:
    """Return the grant that a decision opens: active from `now` if allowed, else pending until `review_ends`.

    In both states it ends by `ends_by` (epoch seconds), if given. `bound_address` is the only address from which the
    gateway accepts its calls, or "".

    Raises ValueError for a denied decision.
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
        role_arn=role_of_grant(grant_id, target.role_arn, target.roles),
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
        way=request.way,
        reveal=request.reveal,
        bound_address=bound_address,
        counts_again=decision.counts_again,
        earlier_approvals=decision.earlier_approvals or (),
    )


def open_call_grant(
    grant_id: str,
    principal: Principal,
    parent: Grant,
    call: ReviewedCall,
    decision: Decision,
    review_ends: int,
    now: int,
) -> Grant:
    """Return the pending grant of one `call`, which `principal` makes in `parent`. It ends with `parent` at the latest.

    It has the agent, the target and the terms of `parent`, and the permissions of the call. Nothing that happened to
    `parent` is copied. Raises ValueError unless the decision on the call is a review.
    """
    if decision.effect is not Effect.REVIEW:
        raise ValueError("only a call that needs a review has a grant of its own")
    ends_by = capped_end(parent.expires_at, parent.ends_by)
    return Grant(
        id=grant_id,
        state=State.PENDING,
        issuer=parent.issuer,
        issuer_name=parent.issuer_name,
        subject=parent.subject,
        principal=parent.principal,
        unit=parent.unit,
        human=parent.human,
        target=parent.target,
        account=parent.account,
        region=parent.region,
        role_arn=parent.role_arn,
        permissions=decision.permissions,
        duration_seconds=parent.duration_seconds,
        reason=parent.reason,
        ticket=parent.ticket,
        created_at=now,
        starts_at=None,
        expires_at=capped_end(review_ends, ends_by),
        ends_by=ends_by,
        policy_version=decision.policy_version,
        reviews=reviews_of(decision),
        groups=tuple(sorted(principal.groups)),
        agent_owners=principal.agent_owners,
        facts=principal.facts,
        tags=principal.tags,
        access_profile=parent.access_profile,
        way=parent.way,
        reveal=parent.reveal,
        bound_address=parent.bound_address,
        call=call,
    )


def capped_end(end: int, ends_by: int | None) -> int:
    """Return `end`, or `ends_by` when that is earlier (epoch seconds)."""
    return end if ends_by is None else min(end, ends_by)


def reviews_of(decision: Decision) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives of reviewer groups that a decision requires, as a grant stores them."""
    return tuple(tuple(sorted(groups)) for groups in decision.reviews)
