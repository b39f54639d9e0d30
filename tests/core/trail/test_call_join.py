"""Which lost read may explain an event (row GW 8), without a store: it might return any read of the grant."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.times import iso
from jitney.core.trail.call_join import (
    RECORDED_WITHIN_SECONDS,
    CallInRecords,
    RecordJoin,
    RecordMatch,
    SentAttempt,
    call_of_records,
    join_record,
)
from jitney.core.trail.join import ParsedSessionName, Purpose
from tests.core.report.recorded_grants import CALL

READ = replace(CALL, invoked_by="", actions=("s3:GetObject",), request_id="request-1")
NAME = ParsedSessionName(Purpose.READS, "g-aaaaaaaaaaaaaa")
LOST = CallInRecords(
    call_id="c-lostlostlostlo",
    grant_id=NAME.grant_id,
    attempts=(SentAttempt(READ.access_key_id),),
    actions=("s3:getobject",),
    at=READ.time - RECORDED_WITHIN_SECONDS,
    ticket=False,
)
LATE = READ.time + RECORDED_WITHIN_SECONDS
OTHERS: dict[str, dict[str, Any]] = {
    "long before": {"at": LOST.at - 1},
    "long after": {"at": READ.time + RECORDED_WITHIN_SECONDS + 1},
    "with an answer": {"attempts": (SentAttempt(READ.access_key_id, "request-2"),)},
    "with another key": {"attempts": (SentAttempt("ASIAAAAAAAAAAAAAAAA7"),)},
    "of another operation": {"actions": ("s3:ListBucket",)},
}


def test_gw_06_a_lost_read_explains_an_event_of_about_the_same_time():
    found = join_record(READ, NAME, None, lambda: [LOST], LATE)
    assert found == RecordJoin(RecordMatch.ANSWER_LOST, LOST.call_id)


def test_gw_09_a_ticket_in_one_record_makes_the_call_one_that_the_agent_sends():
    members = {"chain": LOST.call_id, "grant_id": LOST.grant_id, "actions": ["s3:getobject"], "code": ""}
    calls = {"under_review": {}, "sent": {"ticket": True, "access_key_id": READ.access_key_id}}
    records = [
        {**members, "outcome": outcome, "time": iso(LOST.at), "detail": json.dumps({"call": call})}
        for outcome, call in calls.items()
    ]
    assert call_of_records(records) == LOST._replace(ticket=True)
    assert call_of_records(records[:1]) == LOST._replace(attempts=())


@pytest.mark.parametrize("members", OTHERS.values(), ids=OTHERS)
def test_gw_08_another_read_explains_nothing(members: dict[str, Any]):
    found = join_record(READ, NAME, None, lambda: [LOST._replace(**members)], LATE)
    assert found == RecordJoin(RecordMatch.UNRECORDED)
