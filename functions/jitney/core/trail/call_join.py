"""Joins CloudTrail's events of the gateway's sessions to the records of its calls (row GW 8).

An event is joined by its session's access key id and by AWS's request id. A session of one call also has the call's id
in its name. The record is written within seconds of the call, and CloudTrail's event may arrive before it.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from jitney.core.access.credentials import CALL_SECONDS
from jitney.core.call_lookup import NOT_RECEIVED, read_call_id
from jitney.core.records.audit import Outcome
from jitney.core.times import epoch
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.join import GRACE_SECONDS, ParsedSessionName, Purpose

GATEWAY_PURPOSES = frozenset({Purpose.READS, Purpose.CALL})
RECORDED_WITHIN_SECONDS = CALL_SECONDS + GRACE_SECONDS
"""The longest time from a call to its record. The function that makes the call ends before that."""


class RecordMatch(StrEnum):
    """How an event of a gateway session is explained by a call's record."""

    RECORDED = "recorded"
    ANSWER_LOST = "answer_lost"
    ATTEMPT = "attempt"
    TICKET = "ticket"
    BY_AWS = "by_aws"
    NO_REQUEST_ID = "no_request_id"
    UNRECORDED = "unrecorded"


class SentAttempt(NamedTuple):
    """One sending of a call. A call that AWS did not run may be sent again, with another key.

    `access_key_id` is "" until the outcome is on record. `aws_request_id` is "" if no answer is on record.
    """

    access_key_id: str = ""
    aws_request_id: str = ""


class CallInRecords(NamedTuple):
    """One call as its records show it. `at` is the time of the first record, in epoch seconds.

    `attempts` are those that AWS may have received. A call that was denied or refused has none.
    """

    call_id: str
    grant_id: str
    attempts: tuple[SentAttempt, ...]
    actions: tuple[str, ...]
    at: int
    ticket: bool

    def attempt_with(self, access_key_id: str) -> SentAttempt | None:
        """Return the attempt that a key signed. Without one, return an attempt whose key is not on record yet."""
        by_key = {each.access_key_id: each for each in self.attempts}
        return by_key.get(access_key_id) or by_key.get("")


class RecordJoin(NamedTuple):
    """How an event is explained, and the id of the call whose record explains it, or ""."""

    match: RecordMatch
    call_id: str = ""


def call_of_records(records: Collection[Mapping[str, Any]]) -> CallInRecords | None:
    """Return a call as its records show it, given in the order of their numbers; None if there are none."""
    found = [(each, _call_in(each)) for each in records]
    if not found:
        return None
    first, _ = found[0]
    return CallInRecords(
        call_id=str(first["chain"]),
        grant_id=str(first["grant_id"]),
        attempts=_attempts_in(found),
        actions=tuple(first["actions"]),
        at=epoch(first["time"]),
        ticket=any(call.get("ticket") is True for _, call in found),
    )


def _attempts_in(records: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> tuple[SentAttempt, ...]:
    """Return the attempts in records, each with its member `call`. A read has no record before its outcome."""
    attempts: list[SentAttempt] = []
    for record, call in records:
        key, request_id = (str(call.get(name) or "") for name in ("access_key_id", "aws_request_id"))
        if record["outcome"] not in (Outcome.SENT, Outcome.ANSWERED, Outcome.FAILED):
            continue
        if attempts and not attempts[-1].access_key_id:
            attempts.pop()  # this record has its outcome
        if record["outcome"] == Outcome.SENT or (key and record["code"] not in NOT_RECEIVED):
            attempts.append(SentAttempt(key, request_id))
    return tuple(attempts)


def expected_call_id(call: CloudTrailCall, name: ParsedSessionName) -> str:
    """Return the id of the call that made an event, from the session's name or from the event's ids; "" if unknown."""
    if name.call_id:
        return name.call_id
    return read_call_id(call.access_key_id, call.request_id) if call.request_id else ""


def join_record(
    call: CloudTrailCall,
    name: ParsedSessionName,
    recorded: CallInRecords | None,
    unanswered: Callable[[], Iterable[CallInRecords]],
    now: int,
) -> RecordJoin | None:
    """Return how an event of a gateway session is explained; None while its record may still be written.

    `recorded` is the call with the id of `expected_call_id`. `unanswered` returns the reads of the grant at about the
    same time that have no answer on record.
    """
    ours = recorded if recorded and recorded.grant_id == name.grant_id else None
    if call.invoked_by and (ours or not name.call_id):
        return RecordJoin(RecordMatch.BY_AWS, name.call_id)
    may_follow = now < call.time + RECORDED_WITHIN_SECONDS
    if ours and (match := _match(call, ours, may_follow=may_follow)):
        return RecordJoin(match, ours.call_id)
    reads = name.purpose is Purpose.READS
    if may_follow and (call.request_id or not reads):  # only a request id joins a read's event to its record
        return None
    if reads:
        if lost := next((each for each in unanswered() if _is_lost(call, each)), None):
            return RecordJoin(RecordMatch.ANSWER_LOST, lost.call_id)
        if not call.request_id:
            return RecordJoin(RecordMatch.NO_REQUEST_ID)
    return RecordJoin(RecordMatch.UNRECORDED)


def _match(call: CloudTrailCall, recorded: CallInRecords, *, may_follow: bool) -> RecordMatch | None:
    """Return how the recorded call explains the event; None if it does not, or while its outcome `may_follow`.

    A call is sent again only if AWS refused it without running it. So every other request of the call has an error.
    """
    attempt = recorded.attempt_with(call.access_key_id)
    if attempt is None:
        return None
    if recorded.ticket:
        return RecordMatch.TICKET if _acts_alike(call, recorded) else None
    if attempt.aws_request_id and call.request_id:
        if call.request_id == attempt.aws_request_id:
            return RecordMatch.RECORDED
        return RecordMatch.ATTEMPT if call.error_code and _acts_alike(call, recorded) else None
    if not attempt.access_key_id and may_follow:
        return None
    return RecordMatch.ANSWER_LOST if _acts_alike(call, recorded) else None


def _is_lost(call: CloudTrailCall, recorded: CallInRecords) -> bool:
    near = abs(call.time - recorded.at) <= RECORDED_WITHIN_SECONDS
    return near and SentAttempt(call.access_key_id) in recorded.attempts and _acts_alike(call, recorded)


def _acts_alike(call: CloudTrailCall, recorded: CallInRecords) -> bool:
    """Return whether the event's operation needs an action of the call."""
    return not {each.lower() for each in call.actions}.isdisjoint(each.lower() for each in recorded.actions)


def _call_in(record: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = json.loads(record["detail"])
    found = detail.get("call") if isinstance(detail, dict) else None
    return found if isinstance(found, dict) else {}
