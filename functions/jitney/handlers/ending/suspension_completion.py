"""Records that a suspension is complete: documents deny everything that it covers, and ends are on record (END 8).

The operator's call records this if it completes the suspension. Otherwise the reconciler does it later.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from jitney.core.access.suspension_entry import Suspension
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, ChainedRecord, Outcome, chain_record
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.ending.suspended_grants import FAR_FUTURE
from jitney.handlers.grant.grant_updates import write_until_current
from jitney.handlers.runtime.ports import Ports


def suspension_conflict() -> Problem:
    """Return the problem of a call whose write failed too often, because other suspensions changed at the same time."""
    return Problem("suspension_conflict", "Other suspensions kept changing during this call.", "Repeat the call.")


def suspension_record(
    outcome: Outcome, suspension: Suspension, reason: str, authenticated: AuthenticatedRequest
) -> ChainedRecord:
    """Return the record of an operator's act on a suspension, with their masked reason."""
    record = authenticated.new_record(
        AuditEvent.SUSPENSION, outcome, target=suspension.target, reason=reason, detail=suspension.detail
    )
    return chain_record(record, authenticated.ports.new_id("r"))


def complete_suspension(suspension: Suspension, record: AuditRecord, ports: Ports) -> Suspension:
    """Write and record that the suspension is complete. Return the suspension.

    A suspension that is complete already, or was renewed, does not change.

    Raises Problem suspension_conflict.
    """

    def attempt() -> Suspension:
        before = ports.suspensions.current()
        current = before.with_id(suspension.id)
        if current is None or current.completed_at is not None or current.since != suspension.since:
            return current or suspension
        now = ports.now()
        after = before.with_completed(current, now)
        ports.store.change_suspensions(before, after, chain_record(record, ports.new_id("r")), now=now)
        return after.with_id(current.id) or current

    return write_until_current(attempt, suspension_conflict, ports)


def complete_suspensions(begun: Iterable[Suspension], failed: Collection[str], ports: Ports) -> dict[str, int]:
    """Complete the suspensions for which a run of the reconciler had no failure. Return their number.

    `begun` were incomplete before the run. A suspension that began during the run may have been too late for some role.
    `failed` has the aliases, ARNs of roles, and steps that failed or do not deny. A failure counts unless it is on
    another target without grants of the suspended one.
    """
    now, completed = ports.now(), 0
    targets = ports.config.targets.values()
    roles = {each.alias: each.all_role_arns for each in targets}
    for suspension in begun:
        concerned = suspension.concerned(targets)
        mine = {name for each in concerned for name in (each.alias, *each.all_role_arns)}
        if any(name in mine or not _is_others(name, suspension, roles, ports) for name in failed):
            continue
        progress = {"complete": True, "targets_denied": [each.alias for each in concerned], "by": "reconciler"}
        detail = suspension.detail | progress
        record = AuditRecord(now, AuditEvent.SUSPENSION, Outcome.REVOKED, target=suspension.target, detail=detail)
        complete_suspension(suspension, record, ports)
        completed += 1
    return {"completed": completed}


def has_undenied(role_arns: Sequence[str], suspension: Suspension, ports: Ports) -> bool:
    """Return whether credentials that the suspension ends may still work on roles that a target has, or had.

    Roles that the suspended target does not have may have grants of that target: from before its alias got other roles.
    Their alias shows it. An unreadable grant counts.
    """
    if suspension.concerns_role(role_arns[0]):
        return any(_undenied(each, ports) for each in role_arns)
    if any(map(suspension.ends, ports.store.open_grants(role_arns[0], FAR_FUTURE))):
        return True
    return any(has_undenied_end(each, suspension, ports) for each in role_arns)


def has_undenied_end(role_arn: str, suspension: Suspension, ports: Ports) -> bool:
    """Return whether the suspension may have ended a grant whose deny entry on the role is not in IAM yet."""
    undenied = _undenied(role_arn, ports)
    grants = ports.store.readable_grants(undenied)
    return len(grants) < len(undenied) or any(map(suspension.ends, grants.values()))


def _undenied(role_arn: str, ports: Ports) -> set[str]:
    return {each.grant_id for each in ports.deny_list.deny_entries(role_arn, ports.now()) if each.unwritten}


def _is_others(name: str, suspension: Suspension, roles: Mapping[str, Sequence[str]], ports: Ports) -> bool:
    """Return whether a failure is on roles without credentials that the suspension ends. `roles` are by alias.

    Failures of steps for all targets always count, because such a step may have left out any of them. A role without a
    target may have credentials of any agent. Another target may have got a role of the suspended one, with its grants.
    """
    arns = roles.get(name, (name,))
    others = arns[0].startswith("arn:") and not suspension.concerns_role(arns[0])
    return others and not has_undenied(arns, suspension, ports)
