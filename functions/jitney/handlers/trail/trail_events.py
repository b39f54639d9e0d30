"""Gives each CloudTrail event of a call a verdict: explained by a grant, or reported as unexplained (rows AUD 3, 8).

Every step can be repeated after a crash. An event is saved before it gets a verdict. A bypass is reported before its
verdict is saved.
"""

from typing import Any

from jitney.adapters.trail import chain_id_of
from jitney.core.access.grant import Grant
from jitney.core.masking.aws_masker import AwsMasker
from jitney.core.masking.mask_tags import MaskTags, TextMaskTags
from jitney.core.records import audit
from jitney.core.records.audit import (
    BEYOND_GRANT_CALLS,
    BYPASSES,
    HEARTBEATS,
    TARGET_HEARTBEATS,
    UNRECORDED_CALLS,
    AuditEvent,
    AuditRecord,
    Outcome,
)
from jitney.core.stored_identity import name_of
from jitney.core.trail.beyond_grant import BeyondReason
from jitney.core.trail.call import CloudTrailCall, call_of
from jitney.core.trail.call_join import (
    GATEWAY_PURPOSES,
    RECORDED_WITHIN_SECONDS,
    RecordMatch,
    expected_call_id,
    join_record,
)
from jitney.core.trail.call_line import line_of
from jitney.core.trail.event import KeyIssuance, RejectedEvent, SessionEvent, require_reporting_account, session_event
from jitney.core.trail.event_resources import with_named_resources
from jitney.core.trail.heartbeat import BROKER, Heartbeat, heartbeat_of
from jitney.core.trail.join import (
    AGENTS_PURPOSES,
    KEY_NOT_ISSUED,
    MOST_SESSION_KEYS,
    UNRECORDED,
    CallVerdict,
    classify_call,
    grant_may_be_deleted,
    parse_session_name,
    starts_session,
    verdict_word,
)
from jitney.handlers.runtime.logs import logger, note_grant
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports

_REPORTS = {
    "bypass": (AuditEvent.BYPASS, BYPASSES),
    "unrecorded": (AuditEvent.UNRECORDED, UNRECORDED_CALLS),
    "beyond_grant": (AuditEvent.BEYOND_GRANT, BEYOND_GRANT_CALLS),
}
"""The record and the metric of a call that is not explained, by its verdict."""


BATCH_MILLISECONDS = 40_000
"""How long a batch begins with further messages and calls. The function has 60 s.

Agents choose the parameters and the number of their calls, and so the time. If the function ended in a batch, all of
its messages would come again, also those of other sessions.
"""


class SessionGrants:
    """The grants in the names of sessions, each read once for a batch of messages, and the time of the batch.

    A change after the read concerns no call of the batch. A batch takes at most `GRACE_SECONDS`, and a call that is
    made so soon after an end or a cut-off counts as made before it.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._found: dict[str, Grant] = {}
        self._began = ports.stopwatch()

    def has_time(self) -> bool:
        """Return whether the batch may begin with another message or call."""
        return self._ports.stopwatch() - self._began < BATCH_MILLISECONDS

    def of(self, session: str) -> Grant | None:
        """Return the grant in the session's name, or None."""
        name = parse_session_name(session)
        if name is None or not name.grant_id:
            return None
        if name.grant_id not in self._found and (grant := self._ports.store.grant(name.grant_id)):
            self._found[name.grant_id] = grant
        return self._found.get(name.grant_id)


def process_event(event: Any, account: str | None, home: str, grants: SessionGrants, ports: Ports) -> None:
    """Process one event. Raises RejectedEvent or Problem.

    Recent heartbeats are stored and counted. Other events that concern no target's role are ignored.

    `account` owns the bus that reported the event, `home` is the broker's account. Events that `account` may not report
    are rejected, and so are events so old that their grant may be deleted. Without `account`, a backfill sent the
    event. It proves nothing about the bus, so it is no heartbeat.
    """
    seen, now = session_event(event, ports.target_roles), ports.now()
    if seen is None:
        if account is not None and (heartbeat := heartbeat_of(event, account, home, ports.revokers, now)):
            _note_heartbeat(heartbeat, ports)
        return
    require_reporting_account(seen, account, home, now)
    _note_grant_of(seen.session)
    grant = grants.of(seen.session)
    if grant is None and grant_may_be_deleted(seen.session, seen.at, now):
        raise RejectedEvent("grant_forgotten")
    masked = AwsMasker(ports.masks, _tags(seen, grant, ports)).event(event).value
    operations = ports.grant_scope.events
    call = with_named_resources(call_of(masked, seen, operations.actions), operations)
    disputed = ports.trail.save_key_issuance(seen.issue, now) if seen.issue else False
    if _judged(call, grant, now, ports) is None:
        # A process that saves the key's origin looks for calls afterwards, so the two cannot miss each other.
        ports.trail.save_call(call, now)
        if _judged(call, grant, now, ports) is None:
            ports.trail_queue.requeue(call.account, call.access_key_id)
    if seen.issue:
        judge_calls(seen.account, seen.issue.access_key_id, grants, ports)
        if disputed:
            ports.trail_queue.requeue(seen.account, seen.issue.access_key_id)


def _note_heartbeat(heartbeat: Heartbeat, ports: Ports) -> None:
    """Store the heartbeat, so that gaps are recorded, and count it for the alarm."""
    ports.trail_watches.note(heartbeat.target, heartbeat.at)
    if heartbeat.target == BROKER:
        count(HEARTBEATS)
    else:
        count(TARGET_HEARTBEATS, target=heartbeat.target)


def judge_calls(account: str, access_key_id: str, grants: SessionGrants, ports: Ports, *, depth: int = 0) -> None:
    """Give verdicts on the waiting calls with a key, and with the keys scoped down from it.

    If the origin of the key, or of a key from which it was scoped down, is disputed, explained calls get a new verdict.
    """
    waiting, issue = False, _key_issuance(account, access_key_id, ports.now(), ports)
    disputed = issue is not None and issue.disputed
    for each in ports.trail.waiting(account, access_key_id, include_explained=disputed):
        if not grants.has_time():
            waiting = True
            break
        verdict = _judged(each.call, grants.of(each.call.session), each.since, ports, reported=each.reported)
        waiting = waiting or verdict is None
        if verdict and each.call.issued_access_key_id and depth < MOST_SESSION_KEYS:
            judge_calls(account, each.call.issued_access_key_id, grants, ports, depth=depth + 1)
    if waiting:
        ports.trail_queue.requeue(account, access_key_id)


def _judged(
    call: CloudTrailCall, grant: Grant | None, since: int, ports: Ports, *, reported: bool = False
) -> CallVerdict | None:
    """Save and return the verdict on the call, or None while the call waits.

    An unexplained call is reported unless its verdict was saved before. So a repeated event raises no alarm.

    `reported` is whether the call was already reported as a bypass with an unknown key.
    """
    now = ports.now()
    _note_grant_of(call.session)
    issue = _key_issuance(call.account, call.access_key_id, now, ports)
    verdict = classify_call(call, grant, issue, ports.issuing_roles, waited=now - since)
    verdict = _with_record(call, verdict, now, ports) if verdict and verdict.explained else verdict
    verdict = _with_scope(call, verdict, grant, ports) if verdict and verdict.explained else verdict
    if verdict is None or (reported and verdict.reasons == KEY_NOT_ISSUED):
        return verdict
    target = ports.target_aliases.get(call.role_arn, "")
    if not verdict.explained and not ports.trail.has_verdict(call, verdict.reasons):
        _report(call, verdict, grant, target, issue, ports)
    line = line_of(call, verdict, grant, target, now)
    ports.trail.save_verdict(call, verdict.reasons, line, now, grant_id=verdict.grant_id)
    return verdict


def _with_record(call: CloudTrailCall, verdict: CallVerdict, now: int, ports: Ports) -> CallVerdict | None:
    """Return the verdict with the record that explains a gateway call; None while that record may still be written."""
    name = parse_session_name(call.session)
    if name is None or name.purpose not in GATEWAY_PURPOSES or starts_session(call):
        return verdict
    call_id = expected_call_id(call, name)
    recorded = ports.trail.call_in_records(call_id) if call_id else None
    around = (call.time - RECORDED_WITHIN_SECONDS, call.time + RECORDED_WITHIN_SECONDS)
    join = join_record(call, name, recorded, lambda: ports.trail.unanswered_calls(name.grant_id, *around), now)
    if join is None:
        return None
    reasons = UNRECORDED if join.match is RecordMatch.UNRECORDED else ()
    return verdict._replace(reasons=reasons, call_id=join.call_id, match=join.match)


def _with_scope(call: CloudTrailCall, verdict: CallVerdict, grant: Grant | None, ports: Ports) -> CallVerdict:
    """Return the verdict with the reasons why the call is beyond its grant."""
    if grant is None or verdict.purpose not in AGENTS_PURPOSES:
        return verdict
    sealed = call.role_arn in ports.sealed_roles
    return verdict._replace(reasons=ports.grant_scope.reasons_beyond(call, grant.permissions, sealed=sealed))


def _key_issuance(account: str, access_key_id: str, now: int, ports: Ports) -> KeyIssuance | None:
    """Return the origin of a key's session, or None. For a scoped-down key, that is the origin of the first key."""
    disputed = False
    for _ in range(MOST_SESSION_KEYS):
        issue = ports.trail.issue(account, access_key_id, now) if access_key_id else None
        if issue is None:
            return None
        disputed = disputed or issue.disputed
        if not issue.parent:
            return issue._replace(disputed=disputed)
        access_key_id = issue.parent
    return None


def _note_grant_of(session: str) -> None:
    """Make the following log lines name the grant whose id is in the session's name."""
    name = parse_session_name(session)
    note_grant(name.grant_id if name else "")


def _tags(seen: SessionEvent, grant: Grant | None, ports: Ports) -> MaskTags:
    """Return the tags of the grant's owner, or no tags if the session is not the grant's."""
    if grant is None or grant.role_arn != seen.role_arn:
        return TextMaskTags()
    owner = grant.owner_key
    return TextMaskTags(lambda: ports.mask_keys.of(owner))


def _report(
    call: CloudTrailCall,
    verdict: CallVerdict,
    grant: Grant | None,
    target: str,
    issue: KeyIssuance | None,
    ports: Ports,
) -> None:
    """Count an unexplained call for its alarm, and record it once for each key and combination of reasons.

    A call beyond its grant is recorded once for each operation, too. It raises no alarm if the target is not sealed and
    a resource policy may have allowed the call.
    """
    event, counted = _REPORTS[verdict_word(verdict.reasons)]
    # Without the session, whose name is a person's address if the call bypassed Jitney. The record has it.
    logger.error(event, event_id=call.event_id, account=call.account, reasons=verdict.reasons)
    if BeyondReason.RESOURCE_POLICY not in verdict.reasons:
        count(counted)
    now = ports.now()
    record = AuditRecord(
        time=now,
        event=event,
        outcome=Outcome.UNEXPLAINED,
        code=verdict.reasons[0],
        grant_id=verdict.grant_id,
        **_agent_of(grant if verdict.grant_id else None),
        target=target,
        account=call.account,
        actions=call.actions,
        resources=call.resources,
        source_ip=call.source_ip,
        request_id=call.request_id,
        detail={
            "reasons": verdict.reasons,
            "event_id": call.event_id,
            "operation": f"{call.service}:{call.operation}",
            "session": call.session,
            "source_identity": call.source_identity,
            "access_key_id": call.access_key_id,
            "session_issued_by": issue.issuer_role_id if issue else "",
            "denied": call.error_code,
        },
    )
    operation = (call.service, call.operation) if event is AuditEvent.BEYOND_GRANT else ()
    chain = chain_id_of((call.role_arn, call.session, call.access_key_id, *operation, *verdict.reasons))
    ports.trail.record(audit.chain_record(record, chain), now)


def _agent_of(grant: Grant | None) -> dict[str, Any]:
    """Return the members of a record that name the grant's agent and human; {} without a grant."""
    if grant is None:
        return {}
    names = {name: getattr(grant, name) for name in ("principal", "issuer", "subject", "unit")}
    return {**names, "human": name_of(grant.human)}
