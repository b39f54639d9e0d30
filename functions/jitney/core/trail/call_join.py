"""Joins CloudTrail's events of the gateway's sessions to the records of its calls (row GW 8).

An event is joined by its session's access key id and by AWS's request id. A session of one call also has the call's id
in its name. The record is written within seconds of the call, and CloudTrail's event may arrive before it.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from jitney.core.access.credentials import CALL_SECONDS
from jitney.core.call_lookup import read_call_id
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


class CallInRecords(NamedTuple):
    """One call as its records show it. `at` is the time of the first record, in epoch seconds.

    `aws_request_ids` are AWS's request ids in the recorded answers. A call that AWS refused by throttling may have
    several.
    """

    call_id: str
    grant_id: str
    access_key_id: str
    aws_request_ids: frozenset[str]
    actions: tuple[str, ...]
    at: int
    ticket: bool


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
    calls = [call for _, call in found]
    return CallInRecords(
        call_id=str(first["chain"]),
        grant_id=str(first["grant_id"]),
        access_key_id=next((str(each["access_key_id"]) for each in calls if each.get("access_key_id")), ""),
        aws_request_ids=frozenset(str(each["aws_request_id"]) for each in calls if each.get("aws_request_id")),
        actions=tuple(first["actions"]),
        at=epoch(first["time"]),
        ticket=any(each.get("ticket") is True for each in calls),
    )


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
    if ours and ours.access_key_id in ("", call.access_key_id) and (match := _match(call, ours)):
        return RecordJoin(match, ours.call_id)
    if name.purpose is Purpose.READS:
        lost = next((each for each in unanswered() if _is_lost(call, each)), None)
        if lost:
            return RecordJoin(RecordMatch.ANSWER_LOST, lost.call_id)
        if not call.request_id:
            return RecordJoin(RecordMatch.NO_REQUEST_ID)
    if now < call.time + RECORDED_WITHIN_SECONDS:
        return None
    return RecordJoin(RecordMatch.UNRECORDED)


def _match(call: CloudTrailCall, recorded: CallInRecords) -> RecordMatch | None:
    """Return how the recorded call explains the event; None if it does not.

    A call is sent again only if AWS refused it without running it. So every other request of the call has an error.
    """
    if recorded.ticket:
        return RecordMatch.TICKET if _acts_alike(call, recorded) else None
    if recorded.aws_request_ids and call.request_id:
        if call.request_id in recorded.aws_request_ids:
            return RecordMatch.RECORDED
        return RecordMatch.ATTEMPT if call.error_code and _acts_alike(call, recorded) else None
    return RecordMatch.ANSWER_LOST if _acts_alike(call, recorded) else None


def _is_lost(call: CloudTrailCall, recorded: CallInRecords) -> bool:
    near = abs(call.time - recorded.at) <= RECORDED_WITHIN_SECONDS
    return (
        near
        and not recorded.aws_request_ids
        and recorded.access_key_id == call.access_key_id
        and _acts_alike(call, recorded)
    )


def _acts_alike(call: CloudTrailCall, recorded: CallInRecords) -> bool:
    """Return whether the event's operation needs an action of the call."""
    return not {each.lower() for each in call.actions}.isdisjoint(each.lower() for each in recorded.actions)


def _call_in(record: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = json.loads(record["detail"])
    found = detail.get("call") if isinstance(detail, dict) else None
    return found if isinstance(found, dict) else {}
