"""Writes a role's whole deny document from its deny list, one writer at a time (END 3)."""

import json
from dataclasses import replace
from typing import NamedTuple

from jitney.adapters.role_policies import PolicyRefused, RolePolicy
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS, denies_more
from jitney.core.access.write_lease import LEASE_SECONDS, WriteLease
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import UNDENIED_REVOCATIONS, AuditEvent, AuditRecord, Outcome
from jitney.core.target_config import TargetRole
from jitney.core.times import iso
from jitney.handlers.ending.required_documents import document_digest, required_document
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports

TIMEOUT_MILLISECONDS = 6_000
WAIT_SECONDS = 0.1
WRITE_SECONDS = 5
"""A write ends within this time (adapters.aws_clients.ONE_ATTEMPT)."""
LAST_START_MILLISECONDS = 1000 * (LEASE_SECONDS - WRITE_SECONDS - 3)
"""The longest time from the request of a lease to the start of a write.

With it, the write ends before the lease, so no other writer overtakes it.
"""
UNUSED_SECONDS = 600
"""The reconciler completes a write every five minutes.

A table without a completed write for this time was out of use: it is new, was restored, or an earlier deployment used
it. So denials of another table may be missing in it.
"""
UNUSED_ROLE_SECONDS = 2 * MAX_STS_SESSION_SECONDS
"""The reconciler writes documents for the present roles only, and grants on other roles get no new sessions.

So a role without a completed write for this time has no session that still works.
"""
LAST_READ_MILLISECONDS = TIMEOUT_MILLISECONDS + 1_000
"""The longest time from a call of `write_deny_document` to the end of the read of IAM before a write.

With it, the write and its lease end before the function, which has 15 s.
"""
FULL, UNKNOWN = "deny_document_full", "deny_document_unknown"
"""The codes of a cut-off's record."""


class _TooLate(Exception):
    """Raised because a write that begins now could end after its lease or its function."""


class _Turn(NamedTuple):
    """A lease, and the latest monotonic times at which a read of IAM may end and a write may begin.

    With `force`, a document is written even if the last one was the same.
    """

    lease: WriteLease
    read_by: int
    write_by: int
    force: bool = False


class _WriteAttempt(NamedTuple):
    """Whether IAM has the whole list after an attempt, and the code with which IAM refused it, or ""."""

    done: bool
    aws_code: str = ""


def log_undenied(role: TargetRole, problem: Problem) -> None:
    """Log that a role may not deny all ended credentials, with AWS's code and the policy that denied the write."""
    logger.error(
        "role does not deny",
        target=role.target.alias,
        role=role.arn,
        code=problem.code,
        aws_code=problem.aws_code,
        detail=problem.detail,
    )


def write_deny_document(role: TargetRole, ports: Ports) -> None:
    """Return once IAM has every deny entry and suspension that was written before this call.

    This call writes the document, or another writer does. That writer acquired its lease after this call began, so it
    read the list later. So hundreds of concurrent calls make few writes. Raises Problem revocation_incomplete after
    `TIMEOUT_MILLISECONDS`, or unavailable.
    """
    policy = ports.role_policies.of(role)
    last_acquired = ports.deny_list.lease(role.arn).last_acquired
    started, force, aws_code = ports.stopwatch(), False, ""
    while (lease_requested := ports.stopwatch()) - started < TIMEOUT_MILLISECONDS:
        lease = ports.deny_list.acquire(role.arn, ports.now())
        if lease is None:
            ports.pause(WAIT_SECONDS)
            if ports.deny_list.lease(role.arn).last_completed > last_acquired:
                return
            continue
        turn = _Turn(lease, started + LAST_READ_MILLISECONDS, lease_requested + LAST_START_MILLISECONDS, force)
        attempt = _write_under_lease(turn, role, policy, ports)
        if attempt.done:
            return
        force, aws_code = True, attempt.aws_code or aws_code  # a late write of this call may have reached IAM
    raise _unwritten("IAM did not accept the deny document in time.", aws_code)


def repair_deny_document(role: TargetRole, ports: Ports) -> bool | None:
    """Write the document again if it differs from the list. Return whether it differed.

    Returns None while other writers take turns and complete their writes. The next run then repairs it. Raises Problem
    revocation_incomplete if no writer completes a write, and the problems of `write_deny_document`.
    """
    policy = ports.role_policies.of(role)
    last_completed = ports.deny_list.lease(role.arn).last_completed
    started = ports.stopwatch()
    while (lease := ports.deny_list.acquire(role.arn, ports.now())) is None:
        if ports.stopwatch() - started >= TIMEOUT_MILLISECONDS:
            if ports.deny_list.lease(role.arn).last_completed > last_completed:
                return None
            raise _unwritten("Another writer holds the deny document's lease and does not complete its write.")
        ports.pause(WAIT_SECONDS)
    lease_requested = ports.stopwatch()
    document = required_document(lease, role, ports)
    try:
        present = policy.read()
    except PolicyRefused as refused:
        if _needs_no_document(refused, lease, role, ports):
            return False
        raise _unwritten("The deny document cannot be read from IAM.", refused.code) from refused
    if present == (json.loads(document.text) if document.text else None):
        ports.deny_list.complete(role.arn, lease, document_digest(document.text))
        return False
    write_by = lease_requested + LAST_START_MILLISECONDS
    attempt = _write_under_lease(_Turn(lease, write_by, write_by, force=True), role, policy, ports)
    if not attempt.done:
        raise _unwritten("IAM did not accept the deny document.", attempt.aws_code)
    return True


def _write_under_lease(turn: _Turn, role: TargetRole, policy: RolePolicy, ports: Ports) -> _WriteAttempt:
    """Return whether IAM now has the whole list.

    A stale cut-off is not retried here. The lease is lost in that case, and `write_deny_document` acquires another one.
    """
    lease, unknown = turn.lease, _may_be_unknown(turn.lease, ports.now())
    try:
        if unknown:
            lease = _with_unknown_cut_off(turn, role, policy, ports)
        document = required_document(lease, role, ports)
        if document.cut_offs.since(lease.cut_offs).last is not None:
            _record_cut_off(lease, document.cut_offs, FULL, role, ports)
        digest = document_digest(document.text)
        if turn.force or digest != lease.document_digest:
            if unknown:
                _announce(turn.lease, digest, role, ports)
            _require_time(turn.write_by, ports)
            policy.write(document.text)
    except (StaleWrite, _TooLate):
        ports.deny_list.abandon(role.arn, lease)
        return _WriteAttempt(done=False)
    except PolicyRefused as refused:
        if _needs_no_document(refused, lease, role, ports):
            return _WriteAttempt(done=True)
        if not refused.transient:
            raise _unwritten(
                f"IAM of the target's account refused the deny document ({refused}).", refused.code
            ) from refused
        ports.pause(WAIT_SECONDS)
        return _WriteAttempt(done=False, aws_code=refused.code)
    return _WriteAttempt(done=ports.deny_list.complete(role.arn, lease, digest))


def _announce(lease: WriteLease, digest: str, role: TargetRole, ports: Ports) -> None:
    """Store the digest of the document, so that the table recognizes it even if the write gets no answer.

    Raises StaleWrite.
    """
    if not ports.deny_list.announce(role.arn, lease, digest):
        raise StaleWrite


def _require_time(last: int, ports: Ports) -> None:
    """Raise _TooLate after the monotonic time `last`."""
    if ports.stopwatch() > last:
        raise _TooLate


def _needs_no_document(refused: PolicyRefused, lease: WriteLease, role: TargetRole, ports: Ports) -> bool:
    """Release the lease after a refusal. Return whether the role needs no document, because no session of it can work.

    That is so for a role that its target had before and that no longer exists. AWS denies all its sessions, and a new
    role of the same name does not get them. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage_delete.html
    IAM may answer AccessDenied for it, because it looks for the role's boundary first. This answer counts only when the
    target has long been without the role.
    """
    ports.deny_list.abandon(role.arn, lease)
    if role.arn in role.target.role_arns:
        return False
    return refused.code == "NoSuchEntity" or (
        refused.code == "AccessDenied" and lease.document_times.is_before(ports.now() - UNUSED_ROLE_SECONDS)
    )


def _with_unknown_cut_off(turn: _Turn, role: TargetRole, policy: RolePolicy, ports: Ports) -> WriteLease:
    """Return the lease. If IAM's document is of another table, the lease gets a cut-off of the whole role.

    That document may deny grants and suspensions that this table does not know. So every earlier session is denied
    before the document is replaced. Raises StaleWrite, _TooLate or PolicyRefused.
    """
    lease, now = turn.lease, ports.now()
    if lease.cut_offs.role is not None and now < lease.cut_offs.role:  # then every session is denied
        return lease
    present = policy.read()
    _require_time(turn.read_by, ports)
    if present is None or lease.has_written(document_digest(json.dumps(present, separators=(",", ":")))):
        return lease
    ended = ports.deny_list.deny_entries(role.arn, now - MAX_STS_SESSION_SECONDS)
    if not denies_more(present, required_document(lease, role, ports).text, [each.grant_id for each in ended]):
        return lease
    target, suspended = role.target, ports.suspensions.current().in_force
    if not any(each.covers_target(target.alias, target.role_arn) for each in suspended):  # `jitney restore` suspends it
        logger.error(
            "deny document of another table",
            role=role.arn,
            meaning="This state table is new, or was restored without `jitney restore`. Grants and suspensions that "
            "it does not know were denied. All earlier sessions of the role are denied now.",
            fix="Name the right tables in `restored_tables` of jitney.yaml and deploy, or run `jitney restore` for "
            "this table.",
        )
        count(UNDENIED_REVOCATIONS)  # before the record: the next writer finds the cut-off, and raises no alarm
    moment = now + IN_FLIGHT_SECONDS
    cut_offs = lease.cut_offs._replace(role=moment).at(now)
    lease = replace(lease, unknown_until=moment + UNUSED_SECONDS)
    _record_cut_off(lease, cut_offs, UNKNOWN, role, ports)
    return replace(lease, cut_offs=cut_offs)


def _may_be_unknown(lease: WriteLease, now: int) -> bool:
    """Return whether another table may have denied something that this table does not know.

    A table in use needs no read of IAM. After a document of another table was found, functions of an earlier deployment
    may still write one.
    """
    return now < lease.unknown_until or not lease.document_times.is_recent(now, UNUSED_SECONDS)


def _record_cut_off(lease: WriteLease, cut_offs: CutOffs, code: str, role: TargetRole, ports: Ports) -> None:
    """Record the cut-offs before they are written.

    So the reconciler can mark every grant whose session a cut-off ends.

    The record names the units that are cut off. A record without units cuts off the whole role.
    """
    now, new = ports.now(), cut_offs.since(lease.cut_offs)
    record = AuditRecord(
        time=now,
        event=AuditEvent.CUT_OFF,
        outcome=Outcome.CUT_OFF,
        code=code,
        target=role.target.alias,
        account=role.target.account,
        detail={"role": role.arn, "until": iso(new.last or now), "units": sorted(new.units)},
    )
    ports.store.cut_off(role.arn, lease, cut_offs, audit.chain_record(record, ports.new_id("r")), now=now)


def _unwritten(detail: str, aws_code: str = "") -> Problem:
    fix = "Repeat the call: it continues where it stopped. If the problem persists, ask your platform engineer."
    return Problem("revocation_incomplete", detail, fix, aws_code=aws_code)
