"""Writing a role's deny document: whole, from the deny list, one writer at a time (END 3)."""

import hashlib
import json

from jitney.adapters.deny_list import WriteLease
from jitney.adapters.role_policies import PolicyWriteRefused, RolePolicy
from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.access.deny_document import CutOffs, compose_deny_document
from jitney.core.audit import AuditEvent, AuditRecord, Outcome
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.core.times import iso
from jitney.handlers.ports import Ports

TIMEOUT_MILLISECONDS = 6_000
WAIT_SECONDS = 0.1
WRITE_DEADLINE_MILLISECONDS = 5_000
"""With the 5 s that a write may take, well within a turn: a writer that is slower has perhaps been overtaken."""


def write_deny_document(target: Target, ports: Ports) -> None:
    """Return once IAM has a document with every denial that was on the target's list before this call.

    Either this call writes it, or another whose turn began after this call did: that one has read the list later. So
    hundreds of calls at once make few writes. Raises Problem revocation_incomplete after `PATIENCE_MILLISECONDS`, or
    unavailable.
    """
    policy = ports.role_policies.writer(target)
    seen = ports.deny_list.turn(target.role_arn).began
    started, anew = ports.stopwatch(), False
    while ports.stopwatch() - started < TIMEOUT_MILLISECONDS:
        turn = ports.deny_list.begin(target.role_arn, ports.now())
        if turn is None:
            ports.pause(WAIT_SECONDS)
            if ports.deny_list.turn(target.role_arn).done > seen:
                return
        elif _write_under_lease(turn, target, policy, ports, anew=anew):
            return
        else:  # what IAM has now may be this call's own late write
            anew = True
    raise _unwritten("IAM could not be told in time.")


def repair_deny_document(target: Target, ports: Ports) -> bool:
    """Write the document anew if IAM has another than the list says; whether it had. Raises Problem as `deny`."""
    policy = ports.role_policies.writer(target)
    turn = ports.deny_list.begin(target.role_arn, ports.now())
    if turn is None:
        return False
    document = compose_deny_document(
        ports.deny_list.deny_entries(target.role_arn), turn.cut_offs, ports.now(), target.deny_room
    )
    wanted = json.loads(document.text) if document.text else None
    if policy.read() == wanted:
        ports.deny_list.finish(target.role_arn, turn, _digest(document.text))
        return False
    return _write_under_lease(turn, target, policy, ports, anew=True)


def _write_under_lease(
    turn: WriteLease, target: Target, policy: RolePolicy, ports: Ports, *, anew: bool = False
) -> bool:
    """Use a turn: whether IAM now has the whole list. `anew` writes what was written before once more."""
    began = ports.stopwatch()
    document = compose_deny_document(
        ports.deny_list.deny_entries(target.role_arn), turn.cut_offs, ports.now(), target.deny_room
    )
    if document.cut_offs.since(turn.cut_offs).last is not None:
        try:
            _record_cut_off(turn, document.cut_offs, target, ports)
        except StaleWrite:
            return False
    digest = _digest(document.text)
    if anew or digest != turn.written:
        if ports.stopwatch() - began > WRITE_DEADLINE_MILLISECONDS:
            ports.deny_list.abandon(target.role_arn, turn)
            return False
        try:
            policy.write(document.text)
        except PolicyWriteRefused as refused:
            ports.deny_list.abandon(target.role_arn, turn)
            if not refused.passing:
                raise _unwritten(f"IAM of the target's account refuses to deny it ({refused.code}).") from refused
            ports.pause(WAIT_SECONDS)
            return False
    return bool(ports.deny_list.finish(target.role_arn, turn, digest))


def _record_cut_off(turn: WriteLease, cut_offs: CutOffs, target: Target, ports: Ports) -> None:
    """Note the cut-offs before they are written: everybody whose session they end is found by them, and told.

    The record names the agents that are cut off; one that names none is of the whole role.
    """
    now, new = ports.now(), cut_offs.since(turn.cut_offs)
    record = AuditRecord(
        time=now,
        event=AuditEvent.CUT_OFF,
        outcome=Outcome.CUT_OFF,
        code="deny_document_full",
        target=target.alias,
        account=target.account,
        detail={"until": iso(new.last or now), "agents": sorted(new.agents)},
    )
    ports.store.cut_off(target.role_arn, turn, cut_offs, audit.chain_record(record, ports.new_id("r")), now=now)


def _unwritten(detail: str) -> Problem:
    fix = "Repeat the call: it goes on where it stopped. If it stays, tell your platform engineer."
    return Problem("revocation_incomplete", detail, fix)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
