"""The scheduled reconciler records missing ends and cut-offs, and repairs deny documents (END 4, END 8)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from jitney.core import audit
from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.grant import Grant, State
from jitney.core.audit import AuditEvent, Origin, Outcome
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.deny_documents import repair_deny_document
from jitney.handlers.edge import event_handler
from jitney.handlers.ended_calls import end_calls
from jitney.handlers.failed_grants import fail_review
from jitney.handlers.grant_expiry import record_expiry
from jitney.handlers.grant_updates import GrantUpdate, update_grant
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports
from jitney.handlers.suspended_grants import end_suspended_grants

EXPIRY_GRACE_SECONDS = 60
"""A call that ends a grant has this long to record it."""
WORKFLOW_START_SECONDS = 300
"""Step Functions lists an execution within moments. After this time, a review that is not listed has no execution."""
LONGEST_REVIEW_SECONDS = 7 * 86400


def reconcile(ports: Ports) -> dict[str, int]:
    """Reconcile every target. Return counts of recorded ends, marked grants and repaired documents.

    `without_target` counts grants that may still work on roles without a target. Jitney cannot deny these grants, and
    logs them. One target's failure does not stop the others. After a failure, it raises RuntimeError at the end. So the
    failure is noticed, and the run is repeated.
    """
    done = {"expired": 0, "cut_off": 0, "repaired": 0, "lost": 0, "suspended": 0, "calls": 0, "without_target": 0}
    failed = []
    for name, work in _works(ports):
        try:
            for kind, count in work().items():
                done[kind] += count
        except Problem as problem:
            logger.warning("not reconciled", target=name, code=problem.code)
            failed.append(name)
    logger.info("reconciled", done=done, failed=failed)
    if failed:
        raise RuntimeError(f"not reconciled: {', '.join(failed)}")
    return done


def _works(ports: Ports) -> Iterator[tuple[str, Callable[[], dict[str, int]]]]:
    """Yield the work for each target alias, then for the ARN of each role without a target."""
    targets = ports.config.targets.values()
    for target in targets:
        yield target.alias, partial(_reconcile, target, ports)
    configured = {target.role_arn for target in targets}
    for role_arn in sorted(ports.deny_list.known_roles(configured) - configured):
        yield role_arn, partial(_without_target, role_arn, ports)


def _reconcile(target: Target, ports: Ports) -> dict[str, int]:
    now = ports.now()
    repaired = repair_deny_document(target, ports)
    cut_offs = ports.deny_list.lease(target.role_arn).cut_offs.at(now)
    cut_off = _count(_cut_off(target, cut_offs, ports, now), ports, partial(_record_cut_off, cut_offs))
    calls = end_calls(ports.store.grants_in_state(target.role_arn, State.PENDING, now), ports)
    suspensions = ports.suspensions.current()
    suspended = end_suspended_grants(target.role_arn, suspensions, ports)[0] if suspensions.end_grants_at(now) else 0
    return {
        "repaired": int(repaired),
        "cut_off": cut_off,
        "suspended": suspended,
        "calls": calls,
        **_ends(target.role_arn, ports, now),
    }


def _without_target(role_arn: str, ports: Ports) -> dict[str, int]:
    """Record the ends on a role without a target, and log the grants that may still work there."""
    now = ports.now()
    ends = _ends(role_arn, ports, now)
    active = [
        each
        for each in ports.store.open_grants(role_arn, now + MAX_STS_SESSION_SECONDS)
        if each.may_have_credentials(now)
    ]
    ended = ports.deny_list.deny_entries(role_arn, now)
    if active or ended:
        logger.warning(
            "live grants of a role without a target",
            role=role_arn,
            active=[each.id for each in active],
            ended=[each.grant_id for each in ended],
            until=iso(max([*(each.expires_at for each in active), *(each.until for each in ended)])),
        )
    return {"without_target": len(active) + len(ended), **ends}


def _ends(role_arn: str, ports: Ports, now: int) -> dict[str, int]:
    """Record the missing ends of the role's grants."""
    expired = _count(ports.store.open_grants(role_arn, now - EXPIRY_GRACE_SECONDS), ports, record_expiry)
    lost = _count(_without_workflow(role_arn, ports, now), ports, _record_lost)
    return {"expired": expired, "lost": lost}


def _cut_off(target: Target, cut_offs: CutOffs, ports: Ports, now: int) -> list[Grant]:
    """Return the grants whose credentials the cut-offs ended, and that are not marked yet."""
    if cut_offs.last is None:
        return []
    grants = ports.store.open_grants(target.role_arn, cut_offs.last + MAX_STS_SESSION_SECONDS)
    return [grant for grant in grants if _new_cut_off(grant, cut_offs, now)]


def _new_cut_off(grant: Grant, cut_offs: CutOffs, now: int) -> int | None:
    """Return when a cut-off of the role or unit ended the grant's credentials, or None if it is marked already."""
    cut = cut_offs.until(grant.unit)
    new = cut and grant.may_have_credentials(now) and (grant.starts_at or 0) <= cut and (grant.cut_off_at or 0) < cut
    return cut if new else None


def _without_workflow(role_arn: str, ports: Ports, now: int) -> list[Grant]:
    """Return the pending grants whose workflow no longer runs. No reviewer will decide them (REV 13).

    The executions are listed after the grants are read. An execution that ends in between has decided its grant.
    """
    until = now + LONGEST_REVIEW_SECONDS
    old = now - WORKFLOW_START_SECONDS
    pending = [
        grant
        for grant in ports.store.open_grants(role_arn, until)
        if grant.at(now).state is State.PENDING and grant.created_at < old
    ]
    running = ports.approval_workflow.running() if pending else frozenset()
    return [grant for grant in pending if grant.id not in running]


def _count(grants: Iterable[Grant], ports: Ports, record: Callable[[Grant, Ports], Grant]) -> int:
    """Return how many grants were recorded. The next run repeats the grants that kept changing."""
    count = 0
    for grant in grants:
        try:
            record(grant, ports)
        except Problem as problem:
            if problem.code != "grant_conflict":
                raise
        else:
            count += 1
    return count


def _record_lost(grant: Grant, ports: Ports) -> Grant:
    return fail_review(grant, "review_lost", "no workflow runs", ports)


def _record_cut_off(cut_offs: CutOffs, grant: Grant, ports: Ports) -> Grant:
    """Record on a grant that a cut-off of its unit or role ended its credentials (END 2)."""
    now = ports.now()

    def decide(before: Grant) -> GrantUpdate | None:
        cut = _new_cut_off(before, cut_offs, now)
        if cut is None:
            return None
        after = replace(before, cut_off_at=cut)
        return GrantUpdate(after, audit.grant_record(AuditEvent.CUT_OFF, Outcome.CUT_OFF, after, Origin(), now))

    return update_grant(grant, decide, ports)


handler = event_handler(
    lambda _event, ports: reconcile(ports),
    ("config", "store", "suspensions", "deny_list", "role_policies", "approval_workflow"),
)
