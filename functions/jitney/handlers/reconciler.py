"""The scheduled reconciler records missing ends, starts reviews, and repairs deny documents (END 4, END 8, REV 13)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, zip_longest

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant, State
from jitney.core.access.suspension_entry import Suspension
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import RECONCILED, AuditEvent, Origin, Outcome
from jitney.core.records.gauges import Gauges
from jitney.core.target_config import TargetRole
from jitney.core.target_roles import first_role
from jitney.core.times import iso
from jitney.handlers.ending.deny_documents import log_undenied, repair_deny_document
from jitney.handlers.ending.deny_records import record_written
from jitney.handlers.ending.ended_calls import end_calls
from jitney.handlers.ending.failed_grants import fail_review
from jitney.handlers.ending.grant_expiry import record_expiry
from jitney.handlers.ending.reconciler_run import MARKS_MILLISECONDS, ReconcilerRun, count_recorded
from jitney.handlers.ending.required_documents import denies
from jitney.handlers.ending.suspended_grants import end_suspended_grants
from jitney.handlers.ending.suspension_completion import complete_suspensions
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.review.stalled_workflows import resume_stalled
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.metrics import count, emit
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.trail.trail_heartbeats import record_gaps, send_heartbeat

EXPIRY_GRACE_SECONDS = 60
"""A call that ends a grant has this long to record it."""
WORKFLOW_START_SECONDS = 30
"""The function that opens a request starts its review within 15 s. After this time, the reconciler starts it."""
UNWRITTEN_SECONDS = 60
"""The function that ends a grant has this long to record that IAM has its deny entry."""
_REMOVED, _SUSPENSIONS, _EXPIRIES = "the roles that were removed", "the suspensions", "the expiries"
_COUNTS = (
    "expired",
    "cut_off",
    "repaired",
    "lost",
    "started",
    "resumed",
    "suspended",
    "unfinished",
    "completed",
    "calls",
    "without_target",
    "trail_gaps",
)


def reconcile(ports: Ports) -> dict[str, int]:
    """Reconcile every target. Return counts of recorded ends, marked grants, started reviews and repaired documents.

    `without_target` counts grants that may still work on roles without a target. Jitney cannot deny these grants, and
    logs them. The failure of one grant, step or target does not stop the others. After a failure, it raises
    RuntimeError at the end. So the run is repeated. An alarm fires if no run succeeds.
    """
    targets = ports.config.targets.values()
    present = {role_arn for target in targets for role_arn in target.role_arns}
    run, incomplete, known = ReconcilerRun(_COUNTS, ports.stopwatch), list[Suspension](), set[str]()

    def read_suspensions() -> dict[str, int]:
        current = ports.suspensions.current()
        incomplete.extend(current.incomplete_at(ports.now()))
        ports.suspensions.forget_lifted(current, ports.now(), ports.new_id("r"))
        return {}

    def read_roles() -> dict[str, int]:
        known.update(ports.deny_list.known_roles(present))
        return {}

    run.perform(_SUSPENSIONS, read_suspensions)
    run.perform_on_role(_REMOVED, _REMOVED, read_roles)
    removed = sorted(known - present)
    # The grants first: the deny documents depend on the targets' accounts.
    _grant_steps(removed, run, ports)
    for target in targets:
        for role_arn in target.role_arns:
            run.perform_on_role(target.alias, role_arn, partial(_repair, TargetRole(target, role_arn), ports))
        run.perform(target.alias, partial(send_heartbeat, target, ports))
    for role_arn in removed:
        _removed_role_steps(role_arn, run, ports)
    for target in targets:
        for role_arn in target.role_arns:
            run.perform(target.alias, partial(_cut_offs, TargetRole(target, role_arn), run, ports))
    if not run.done["unfinished"]:
        # A missing record of an expiry keeps no suspension incomplete.
        failed = [each for each in (*run.failed, *run.gauges.not_denying) if each != _EXPIRIES]
        run.perform(_SUSPENSIONS, partial(complete_suspensions, incomplete, failed, ports))
    run.perform("the stalled workflows", lambda: {"resumed": resume_stalled(ports)})
    run.perform("the gaps of CloudTrail", partial(record_gaps, ports))
    run.perform("the follow-up reviews", partial(_follow_ups, run.gauges, ports))
    logger.info("reconciled", done=run.done, failed=[*run.failed], not_denying=sorted(run.gauges.not_denying))
    emit(run.gauges.values(ports.now()))
    if run.failed:
        raise RuntimeError(f"not reconciled: {', '.join(run.failed)}")
    count(RECONCILED)
    return run.done


def _grant_steps(removed: Sequence[str], run: ReconcilerRun, ports: Ports) -> None:
    """Run the steps for the grants on all roles of each target, and on `removed` roles that no target had."""
    names = {target.role_arn: target.alias for target in ports.config.targets.values()}
    names |= {each: each for each in removed if each == first_role(each) and not ports.config.target_with(each)}
    for role_arn, name in names.items():
        for step in (_calls, _suspended, _reviews):
            run.perform(name, partial(step, role_arn, run, ports))
    run.perform(_EXPIRIES, partial(_expired, names, run, ports))


def _removed_role_steps(role_arn: str, run: ReconcilerRun, ports: Ports) -> None:
    """Run the steps for a role that no target has now: its target was removed, or has fewer roles than before."""
    if target := ports.config.target_with(role_arn):
        run.perform_on_role(role_arn, role_arn, partial(_removed_role, TargetRole(target, role_arn), run, ports))
    else:
        run.perform_on_role(role_arn, role_arn, partial(_without_target, role_arn, run.gauges, ports))


def _expired(role_arns: Iterable[str], run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    """Record the missing expiries, of each target in turn, so that no target's grants delay those of the others."""
    suspensions, until = ports.suspensions.current(), ports.now() - EXPIRY_GRACE_SECONDS
    turns = zip_longest(*(ports.store.open_grants(role_arn, until) for role_arn in role_arns))
    overdue = filter(None, chain.from_iterable(turns))

    def expire(grant: Grant, ports: Ports) -> Grant:
        current = record_expiry(grant, suspensions, ports)
        if current.call:
            end_calls([current], suspensions, ports)  # a call whose grant has ended has not expired
        return current

    return {"expired": count_recorded(run.in_time(overdue), ports, expire)}


def _reviews(role_arn: str, run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    """Start the reviews that never started. Fail the requests whose review has ended without a decision (REV 13)."""
    begun = set[str]()

    def start(grant: Grant, ports: Ports) -> Grant:
        if ports.approval_workflow.start(grant):
            begun.add(grant.id)
            return grant
        return fail_review(grant, "review_lost", "no workflow runs", ports)

    waiting = run.in_time(_without_workflow(role_arn, run.gauges, ports, ports.now()))
    count = count_recorded(waiting, ports, start)
    return {"started": len(begun), "lost": count - len(begun)}


def _calls(role_arn: str, run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    pending = ports.store.grants_in_state(role_arn, State.PENDING, ports.now())
    return {"calls": end_calls(run.in_time(pending), ports.suspensions.current(), ports)}


def _suspended(role_arn: str, run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    """End the grants that suspensions ended.

    Reads every open grant, even if nothing is suspended. So each run reports the grants that this version cannot read.
    """
    written, complete = end_suspended_grants(role_arn, ports.suspensions.current(), ports, run.has_time)
    return {"suspended": written, "unfinished": int(not complete)}


def _repair(role: TargetRole, ports: Ports) -> dict[str, int]:
    """Repair the deny document, and record that IAM has the earlier entries without such a record."""
    now = ports.now()
    entries = ports.deny_list.deny_entries(role.arn, now)
    try:
        repaired = repair_deny_document(role, ports)
    except Problem as problem:
        log_undenied(role, problem)
        raise
    if repaired is not None:
        for entry in entries:
            if entry.unwritten and not (entry.is_readable and entry.ended_at + UNWRITTEN_SECONDS >= now):
                _record_entry(entry, ports)
    return {"repaired": int(bool(repaired)), "unfinished": int(repaired is None)}


def _record_entry(entry: DenyEntry, ports: Ports) -> None:
    """Record that IAM has the entry. A deleted or unreadable grant does not stop the others."""
    try:
        grant = ports.store.grant(entry.grant_id)
    except Problem as problem:
        logger.warning("deny entry not recorded", grant_id=entry.grant_id, code=problem.code)
        return
    if grant:
        record_written(grant, entry, Origin(), ports)


def _cut_offs(role: TargetRole, run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    now = ports.now()
    cut_offs = ports.deny_list.lease(role.arn).cut_offs.at(now)
    grants = run.in_time(_cut_off(role, cut_offs, ports, now), MARKS_MILLISECONDS)
    return {"cut_off": count_recorded(grants, ports, partial(_record_cut_off, cut_offs))}


def _removed_role(role: TargetRole, run: ReconcilerRun, ports: Ports) -> dict[str, int]:
    """Maintain the deny document of a role that its target no longer has, until it denies nothing."""
    return _repair(role, ports) | _cut_offs(role, run, ports) if denies(role, ports) else {}


def _follow_ups(gauges: Gauges, ports: Ports) -> dict[str, int]:
    """Count the overdue follow-up reviews. The index of grants does not list them, so they need their own query."""
    now, outstanding = ports.now(), {*ports.follow_ups.outstanding().values()}
    used = ports.store.readable_grants(outstanding).values() if outstanding else ()
    waiting = (each.break_glass for each in used if each.awaits_follow_up)
    gauges.overdue = sum(1 for use in waiting if use and use.due_at < now)
    return {}


def _without_target(role_arn: str, gauges: Gauges, ports: Ports) -> dict[str, int]:
    """Log the grants that may still work on a role without a target."""
    now = ports.now()
    active = [
        each
        for each in ports.store.open_grants(role_arn, now + MAX_STS_SESSION_SECONDS)
        if each.role_arn == role_arn and each.may_have_credentials(now)
    ]
    ended = ports.deny_list.deny_entries(role_arn, now)
    if any(each.unwritten for each in ended):
        gauges.not_denying.add(role_arn)
    if active or ended:
        logger.warning(
            "live grants of a role without a target",
            role=role_arn,
            active=[each.id for each in active],
            ended=[each.grant_id for each in ended],
            until=iso(max([*(each.expires_at for each in active), *(each.until for each in ended)])),
        )
    return {"without_target": len(active) + len(ended)}


def _cut_off(role: TargetRole, cut_offs: CutOffs, ports: Ports, now: int) -> list[Grant]:
    """Return the grants on the role whose credentials the cut-offs ended, and that are not marked yet."""
    if cut_offs.last is None:
        return []
    grants = ports.store.open_grants(role.arn, cut_offs.last + MAX_STS_SESSION_SECONDS)
    return [grant for grant in grants if grant.role_arn == role.arn and _new_cut_off(grant, cut_offs, now)]


def _new_cut_off(grant: Grant, cut_offs: CutOffs, now: int) -> int | None:
    """Return when a cut-off of the role or unit ended the grant's credentials; None if the grant is already marked."""
    cut = cut_offs.until(grant.unit)
    new = cut and grant.may_have_credentials(now) and (grant.starts_at or 0) <= cut and (grant.cut_off_at or 0) < cut
    return cut if new else None


def _without_workflow(role_arn: str, gauges: Gauges, ports: Ports, now: int) -> list[Grant]:
    """Return the pending grants whose workflow does not run. No reviewer will decide them (REV 13).

    All pending grants are counted in `gauges`.

    The executions are listed after the grants are read. An execution that ends in between belongs to a decided grant.
    """
    pending = gauges.read_pending(lambda: ports.store.grants_in_state(role_arn, State.PENDING, now))
    old = [each for each in pending if each.created_at < now - WORKFLOW_START_SECONDS]
    running = ports.approval_workflow.running() if old else frozenset()
    return [each for each in old if each.id not in running]


def _record_cut_off(cut_offs: CutOffs, grant: Grant, ports: Ports) -> Grant:
    """Record on a grant that a cut-off of its unit or role ended its credentials (END 2)."""
    now = ports.now()

    def change(before: Grant) -> GrantUpdate | None:
        cut = _new_cut_off(before, cut_offs, now)
        if cut is None:
            return None
        after = replace(before, cut_off_at=cut)
        return GrantUpdate(after, audit.grant_record(AuditEvent.CUT_OFF, Outcome.CUT_OFF, after, Origin(), now))

    return update_grant(grant, change, ports)


handler = event_handler(
    lambda _event, ports: reconcile(ports),
    (
        "config",
        "store",
        "suspensions",
        "deny_list",
        "role_policies",
        "approval_workflow",
        "task_tokens",
        "trail_heartbeat",
        "trail_watches",
        "follow_ups",
    ),
)
