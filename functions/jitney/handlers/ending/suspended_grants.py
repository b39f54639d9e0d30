"""Writes the ends of the grants that suspensions ended, each with its record (END 8).

A suspension ends its grants without these writes (`core.access.suspensions`), because every route reads it. The writes
put the ends on record, and end reviews.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant
from jitney.core.access.grant_effects import end_detail
from jitney.core.access.live_credentials import denial_of
from jitney.core.access.suspensions import Suspensions
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.review.grant_under_review import suspension_that_ended
from jitney.core.target_config import Target, TargetRole
from jitney.core.times import iso
from jitney.handlers.ending.earlier_ends import parent_of
from jitney.handlers.ending.required_documents import is_in_iam
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports

FAR_FUTURE = 10**11
"""Later than any grant ends."""
MOVED_MILLISECONDS = 3000
"""How long a call looks for suspended grants on roles that another target has now."""


def end_suspended_grants(
    role_arn: str,
    suspensions: Suspensions,
    ports: Ports,
    has_time: Callable[[], bool] = lambda: True,
    *,
    in_iam: bool | None = None,
) -> tuple[int, bool]:
    """Write the ends of the open grants that `suspensions` ended, on all roles of the target that has `role_arn`.

    `in_iam` says whether IAM accepted the document that denies them. A caller that did not write the documents leaves
    it out. Each role's last document then shows it.

    Returns the number of written ends, and whether all are written. They are not if `has_time` returned False, or if a
    grant kept changing. Raises Problem unavailable.
    """

    @cache
    def has_document(role_arn: str) -> bool:
        target = ports.config.target_with(role_arn)
        return target is not None and is_in_iam(TargetRole(target, role_arn), ports)

    written, complete = 0, True
    for grant in ports.store.open_grants(role_arn, FAR_FUTURE):
        if not has_time():
            return written, False
        if suspensions.ending(grant) is None:
            continue
        try:
            known = has_document(grant.role_arn) if in_iam is None else in_iam
            written += end_suspended_grant(grant, suspensions, ports, in_iam=known)
        except Problem as problem:
            if problem.code != "grant_conflict":
                raise
            complete = False
    return written, complete


def end_moved_grants(
    others: Iterable[Target], suspensions: Suspensions, ports: Ports, has_time: Callable[[], bool]
) -> tuple[int, bool]:
    """Write the ends of suspended grants on the roles of `others`. Return the number, and whether all were written.

    Another target may have a role of the suspended target now, and the grants on that role. To find them, all open
    grants of `others` are read. The reconciler ends the grants that are not found in `MOVED_MILLISECONDS`.
    """
    began = ports.stopwatch()

    def continues() -> bool:
        return has_time() and ports.stopwatch() - began < MOVED_MILLISECONDS

    ended, all_ended = 0, True
    for each in others:
        count, complete = end_suspended_grants(each.role_arn, suspensions, ports, continues)
        ended, all_ended = ended + count, all_ended and complete
    return ended, all_ended


def end_suspended_grant(grant: Grant, suspensions: Suspensions, ports: Ports, *, in_iam: bool) -> bool:
    """Write the end of one grant, and return whether the end is new. Raises Problem grant_conflict or unavailable.

    The workflow of a pending review then notifies the reviewers.

    The grant needs no deny entry, because the deny document denies everything that the suspension covers
    (`core.access.suspension_denials`). A role without a target has no document. For such a role, a deny entry that IAM
    does not have says until when credentials may work. If another target has the grant's role now, its document
    needs the entry. A grant of a suspended issuer's agent under an earlier name needs it, too. So does a grant on a
    role whose document is not `in_iam` yet: its target may be removed before IAM accepts the document.
    """
    wrote = False

    def change(before: Grant) -> GrantUpdate | None:
        nonlocal wrote
        suspension = suspension_that_ended(before, suspensions, parent_of(before, ports))
        ended = suspensions.applied(before)
        wrote = suspension is not None
        if suspension is None or ended.ending is None:
            return None
        # Without the operator's reason: the requester's own report shows this record.
        # The grant ended with the suspension. This record may be written much later.
        detail: dict[str, Any] = {"by": ended.ending.by, "reason": ended.ending.reason, "suspension": suspension.id}
        detail |= {"ended_at": iso(ended.ending.at)} | end_detail(ended, ports.actions)
        record = audit.grant_record(
            AuditEvent.REVOCATION, Outcome.REVOKED, ended, Origin(), ports.now(), code="suspended", detail=detail
        )
        target = ports.config.target_with(ended.role_arn)
        denied = in_iam and target is not None and suspensions.denies(ended, target)
        denial = None if denied else denial_of(ended, by_operator=True)
        return GrantUpdate(ended, record, denial if isinstance(denial, DenyEntry) else None)

    ended = update_grant(grant, change, ports)
    if wrote and ended.starts_at is None:
        resume_workflow(ended, ports)
    return wrote
