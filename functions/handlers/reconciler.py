"""What runs on a schedule: ends that nothing has recorded, deny documents as the list says, who was cut off (END 4)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from adapters.store import Changed
from core import audit
from core.access.credentials import LONGEST_SECONDS
from core.access.grant import Grant, State
from core.audit import Event, Origin, Outcome
from core.config import Target
from core.problems import Problem
from handlers.denying import mend
from handlers.edge import step
from handlers.expiring import record_expiry
from handlers.failing import fail_review
from handlers.logs import logger
from handlers.ports import Ports

GRACE_SECONDS = 60
"""What ends a grant with a call of its own gets this long to record it."""
START_SECONDS = 300
"""A review that began so long ago is on the list of what runs, which follows within moments."""
LONGEST_REVIEW_SECONDS = 7 * 86400


def reconcile(ports: Ports) -> dict[str, int]:
    """Bring every target in order; how many ends were recorded, grants told of a cut-off, and documents mended.

    One target's failure leaves the others in order. Raises RuntimeError at the end, so that it is noticed and repeated.
    """
    done = {"expired": 0, "cut_off": 0, "mended": 0, "lost": 0}
    failed = []
    for target in ports.config.targets.values():
        try:
            for kind, count in _reconcile(target, ports).items():
                done[kind] += count
        except Problem as problem:
            logger.warning("not reconciled", target=target.alias, code=problem.code)
            failed.append(target.alias)
    logger.info("reconciled", done=done, failed=failed)
    if failed:
        raise RuntimeError(f"not reconciled: {', '.join(failed)}")
    return done


def _reconcile(target: Target, ports: Ports) -> dict[str, int]:
    now = ports.now()
    mended = mend(target, ports)
    expired = _each(ports.store.open_grants(target.role_arn, now - GRACE_SECONDS), ports, _record_expiry)
    cut_off = _each(_cut_off(target, ports, now), ports, _record_cut_off)
    lost = _each(_without_workflow(target, ports, now), ports, _record_lost)
    return {"expired": expired, "cut_off": cut_off, "mended": int(mended), "lost": lost}


def _cut_off(target: Target, ports: Ports, now: int) -> Iterator[Grant]:
    """The grants whose credentials a cut-off has ended, of the role or of their agent, that do not say so yet."""
    cut_offs = ports.deny_list.turn(target.role_arn).cut_offs.at(now)
    if cut_offs.last is None:
        return
    for grant in list(ports.store.open_grants(target.role_arn, cut_offs.last + LONGEST_SECONDS)):
        cut = cut_offs.until(grant.principal)
        if cut and grant.live(now) and (grant.starts_at or 0) <= cut and (grant.cut_off_at or 0) < cut:
            yield replace(grant, cut_off_at=cut)


def _without_workflow(target: Target, ports: Ports, now: int) -> list[Grant]:
    """The pending grants that nobody would ever decide about: no workflow of theirs runs (REV 13).

    The workflows are asked for after the grants: one that has ended since has decided its grant.
    """
    until = now + LONGEST_REVIEW_SECONDS
    old = now - START_SECONDS
    pending = [
        grant
        for grant in ports.store.open_grants(target.role_arn, until)
        if grant.at(now).state is State.PENDING and grant.created_at < old
    ]
    running = ports.reviews.running() if pending else frozenset()
    return [grant for grant in pending if grant.id not in running]


def _each(grants: Iterable[Grant], ports: Ports, record: Any) -> int:
    """How many of the grants were recorded; those that changed meanwhile are looked at the next time."""
    count = 0
    for grant in grants:
        try:
            record(grant, ports)
        except Changed:
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
    link = audit.next_link(audit.of_grant(Event.CUT_OFF, Outcome.CUT_OFF, grant, Origin(), now), grant)
    ports.store.save(grant, audit.linked(grant, link), link, now=now)


handler = step(lambda _event, ports: reconcile(ports), ("config", "store", "deny_list", "role_policies", "reviews"))
