"""What runs on a schedule: ends that nothing has recorded, deny documents as the list says, who was cut off (END 4)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.grant import Grant, State
from jitney.core.audit import AuditEvent, Origin, Outcome
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.deny_documents import repair_deny_document
from jitney.handlers.edge import event_handler
from jitney.handlers.failed_grants import fail_review
from jitney.handlers.grant_expiry import record_expiry
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

EXPIRY_GRACE_SECONDS = 60
"""What ends a grant with a call of its own gets this long to record it."""
WORKFLOW_START_SECONDS = 300
"""A review that began so long ago is on the list of what runs, which follows within moments."""
LONGEST_REVIEW_SECONDS = 7 * 86400


def reconcile(ports: Ports) -> dict[str, int]:
    """Bring every target in order; how many ends were recorded, grants told of a cut-off, and documents mended.

    `without_target` counts what may still work on roles that targets had and none has now: it cannot be denied from
    here, and is logged. One target's failure leaves the others in order. Raises RuntimeError at the end, so that it is
    noticed and repeated.
    """
    done = {"expired": 0, "cut_off": 0, "repaired": 0, "lost": 0, "without_target": 0}
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
    """What there is to do: by the aliases of targets, then by the ARNs of roles that have none."""
    targets = ports.config.targets.values()
    for target in targets:
        yield target.alias, partial(_reconcile, target, ports)
    configured = {target.role_arn for target in targets}
    for role_arn in sorted(ports.deny_list.roles(configured) - configured):
        yield role_arn, partial(_without_target, role_arn, ports)


def _reconcile(target: Target, ports: Ports) -> dict[str, int]:
    now = ports.now()
    mended = repair_deny_document(target, ports)
    cut_off = _each(_cut_off(target, ports, now), ports, _record_cut_off)
    return {"repaired": int(mended), "cut_off": cut_off, **_ends(target.role_arn, ports, now)}


def _without_target(role_arn: str, ports: Ports) -> dict[str, int]:
    """Record the ends on a role that no target has, and tell of what may still work there."""
    now = ports.now()
    ends = _ends(role_arn, ports, now)
    found = ports.store.open_grants(role_arn, now + MAX_STS_SESSION_SECONDS)
    going = [each for each in found if each.may_have_credentials(now)]
    taken_back = [each for each in ports.deny_list.deny_entries(role_arn) if each.until > now]
    if going or taken_back:
        logger.warning(
            "live grants of a role that no target has",
            role=role_arn,
            going=[each.id for each in going],
            taken_back=[each.grant_id for each in taken_back],
            until=iso(max([*(each.expires_at for each in going), *(each.until for each in taken_back)])),
        )
    return {"without_target": len(going) + len(taken_back), **ends}


def _ends(role_arn: str, ports: Ports, now: int) -> dict[str, int]:
    """Record the ends of the role's grants that nothing has recorded."""
    expired = _each(ports.store.open_grants(role_arn, now - EXPIRY_GRACE_SECONDS), ports, _record_expiry)
    lost = _each(_without_workflow(role_arn, ports, now), ports, _record_lost)
    return {"expired": expired, "lost": lost}


def _cut_off(target: Target, ports: Ports, now: int) -> Iterator[Grant]:
    """The grants whose credentials a cut-off has ended, of the role or of their agent, that do not say so yet."""
    cut_offs = ports.deny_list.turn(target.role_arn).cut_offs.at(now)
    if cut_offs.last is None:
        return
    for grant in list(ports.store.open_grants(target.role_arn, cut_offs.last + MAX_STS_SESSION_SECONDS)):
        cut = cut_offs.until(grant.principal)
        if cut and grant.may_have_credentials(now) and (grant.starts_at or 0) <= cut and (grant.cut_off_at or 0) < cut:
            yield replace(grant, cut_off_at=cut)


def _without_workflow(role_arn: str, ports: Ports, now: int) -> list[Grant]:
    """The pending grants that nobody would ever decide about: no workflow of theirs runs (REV 13).

    The workflows are asked for after the grants: one that has ended since has decided its grant.
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


def _each(grants: Iterable[Grant], ports: Ports, record: Any) -> int:
    """How many of the grants were recorded; those that changed meanwhile are looked at the next time."""
    count = 0
    for grant in grants:
        try:
            record(grant, ports)
        except StaleWrite:
            continue
        count += 1
    return count


def _record_expiry(grant: Grant, ports: Ports) -> None:
    record_expiry(grant, ports)


def _record_lost(grant: Grant, ports: Ports) -> None:
    fail_review(grant, "review_lost", "no workflow runs", ports)


def _record_cut_off(grant: Grant, ports: Ports) -> None:
    """Tell a grant, and with it whoever reads it, that its credentials ended with its agent's or the role's (END 2)."""
    now = ports.now()
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.CUT_OFF, Outcome.CUT_OFF, grant, Origin(), now), grant
    )
    ports.store.save(grant, audit.with_chain_head(grant, link), link, now=now)


handler = event_handler(
    lambda _event, ports: reconcile(ports), ("config", "store", "deny_list", "role_policies", "approval_workflow")
)
