"""Joins equal pending requests of an accountable unit and limits their number (REV 12).

The module is imported only for a request that needs a review, so other requests stay fast.
"""

from collections.abc import Iterable
from dataclasses import replace

from jitney.adapters.transactions import Conflict
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import GrantList, GrantListUpdate
from jitney.core.access.rejections import Rejection, RepeatedRequest, equal_rejections, have_same_words
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.identity.principal import rejection_key
from jitney.core.problems import Problem
from jitney.core.quantities import quantity
from jitney.core.quotas import idempotency_record, pending_duplicate_quota
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.review.pending import equal_to, is_uncollected, list_key, pending_review
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.issuance import decide_again, is_outdated
from jitney.handlers.grant.responses import deciding_policies, unit_limited_problem


def queue(grant: Grant, authenticated: AuthenticatedRequest) -> Grant | GrantListUpdate:
    """Return the pending or uncollected grant that a new grant repeats, or else the update to write with the new grant.

    Raises Problem too_many_pending.
    """
    read = pending_list(grant, authenticated)
    for grant_id in equal_to(read.at(authenticated.now), grant):
        if same := _pending(grant_id, authenticated) or _uncollected(grant_id, grant, authenticated):
            return same
    return added(grant, read, authenticated)


def unless_rejected_before(grant: Grant, changed: str, authenticated: AuthenticatedRequest) -> Grant:
    """Return the new grant, with what `earlier_rejection` returns for it. Raises Problem rejected_before."""
    rejected = earlier_rejection(grant.permissions, grant.role_arn, changed, authenticated, grant.call)
    return replace(grant, repeated=RepeatedRequest(changed, *rejected[:4])) if rejected else grant


def earlier_rejection(
    permissions: Iterable[Permission],
    role_arn: str,
    changed: str,
    authenticated: AuthenticatedRequest,
    call: ReviewedCall | None = None,
) -> Rejection | None:
    """Return the last day's rejection of a request for the same access, or None without one.

    With `call`, it is the rejection of an equal call. All requests on behalf of one person count together.
    Without a person, all requests of one unit do. Otherwise an agent could repeat another's request. Raises Problem
    rejected_before if `changed` says nothing, or was rejected with such a request.
    """
    owner = rejection_key(authenticated.principal.unit_key, authenticated.principal.human)
    earlier = authenticated.ports.store.rejections(owner, role_arn, call, authenticated.now)

    def equal(among: list[Rejection]) -> Rejection | None:
        """Return the first rejection of an equal request. The store returns those of equal calls only."""
        return next(iter(among) if call else equal_rejections(permissions, among), None)

    rejected = equal(earlier)
    if rejected is None:
        return None
    said_before = [each for each in earlier if have_same_words(each.changed, changed)]
    says_something = not have_same_words(changed, "")
    if says_something and equal(said_before) is None:
        return rejected
    view = rejected.view()
    what, again = ("call", "make the call again") if call else ("request", "request it again")
    detail = f"{rejected.by} rejected an equal {what} at {view['at']}: {rejected.comment.rstrip('.')}."
    fix = (
        f"Do what the reviewer says. If you {again}, say what is different in `changed` (--changed TEXT): "
        "reviewers see it beside the rejection."
    )
    if says_something:
        fix = f"Reviewers have also rejected what `changed` says. {fix}"
    raise Problem("rejected_before", detail, fix, {"rejection": view})


def pending_list(grant: Grant, authenticated: AuthenticatedRequest) -> GrantList:
    """Return the list of pending reviews that `grant` belongs in, as last written."""
    key_of_list = list_key(grant.quota_key)
    return authenticated.ports.store.grant_lists([key_of_list])[key_of_list]


def added(grant: Grant, read: GrantList, authenticated: AuthenticatedRequest) -> GrantListUpdate:
    """Return the update of the list `read`, to be written with a new grant. Raises Problem too_many_pending."""
    most, before = authenticated.ports.config.limits.max_pending, read.at(authenticated.now)
    if len(before.entries) >= most:
        ids = [each.grant_id for each in before.entries]
        before = before.without([each for each in ids if _is_over(each, authenticated)])
    if len(before.entries) >= most:
        raise _too_many(before, grant, authenticated)
    return GrantListUpdate(read, before.with_entry(pending_review(grant)))


def join(
    grant: Grant, decision: Decision, key: str, authenticated: AuthenticatedRequest, access_request: AccessRequest
) -> None:
    """Record that the request repeats `grant`, and use up its keys. Raises Conflict, or Problem rate_limited."""
    quota = pending_duplicate_quota(
        grant.quota_key, authenticated.ports.config.limits.ungranted_requests_per_minute, authenticated.now
    )
    keys = (idempotency_record(grant.owner_key, key, access_request.body, grant.id, authenticated.now),) if key else ()
    target = authenticated.ports.config.targets[access_request.target]
    members = authenticated.request_members(access_request, target, decision) | deciding_policies(decision)
    try:
        authenticated.record(
            AuditEvent.REQUEST,
            Outcome.REVIEW,
            (*keys, quota),  # a repeated POST gets its grant, even if the quota is used up
            code="joined",
            grant_id=grant.id,
            **members,
        )
    except Conflict as taken:
        if taken.key != quota.key:
            raise
        authenticated.count_refusal("rate_limited", AuditEvent.REQUEST)
        raise unit_limited_problem(quota, authenticated.principal, authenticated.now) from taken


def _pending(grant_id: str, authenticated: AuthenticatedRequest) -> Grant | None:
    grant = authenticated.grant(grant_id)
    return grant if grant and grant.at(authenticated.now).state is State.PENDING else None


def _is_over(grant_id: str, authenticated: AuthenticatedRequest) -> bool:
    """Return whether a listed review is over. A grant that this version cannot read stays in the list."""
    try:
        return _pending(grant_id, authenticated) is None
    except Problem as problem:
        if problem.code != "grant_unreadable":
            raise
        return False


def _uncollected(grant_id: str, wanted: Grant, authenticated: AuthenticatedRequest) -> Grant | None:
    """Return the approved grant if its agent can still get credentials.

    Otherwise every request would get a grant whose credentials are refused: another group has to approve now, a voter
    left the group, people have other names, or the target changed.
    """
    grant = authenticated.grant(grant_id)
    if (
        grant is None
        or grant.at(authenticated.now).state is not State.ACTIVE
        or is_outdated(grant, authenticated.ports.config)
    ):
        return None
    found = (
        is_uncollected(grant, wanted, authenticated.now) and decide_again(grant, authenticated).effect is Effect.ALLOW
    )
    return grant if found else None


def _too_many(pending: GrantList, grant: Grant, authenticated: AuthenticatedRequest) -> Problem:
    """Return the problem for a unit's full list. It names the caller's own grants only."""
    fix = (
        "Wait for the reviewers, or release requests you no longer need: `jitney grants release ID`, or "
        "DELETE /v1/grants/{id}. Then try again. Agents of one unit share this limit."
    )
    most = authenticated.ports.config.limits.max_pending
    detail = f"{grant.unit} has {quantity(len(pending.entries), 'pending request')}, and the limit is {most}."
    ids = [each.grant_id for each in pending.entries if each.owner == grant.owner_key]
    until = min(each.until for each in pending.entries)
    headers = {"Retry-After": str(max(1, min(60, until - authenticated.now)))}
    return Problem("too_many_pending", detail, fix, {"unit": grant.unit, "pending": ids}, headers)
