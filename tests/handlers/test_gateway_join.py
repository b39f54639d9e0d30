"""CloudTrail's events of the gateway's sessions find the records of its calls, in any order (row GW 8)."""

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from jitney.adapters.record_items import record_attribute
from jitney.core.access.request import Permission, Way
from jitney.core.call_lookup import read_call_id
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall, call_record
from jitney.core.records.audit import ChainedRecord, Origin, Outcome, chain_record
from jitney.core.records.chain_numbers import sort_key
from jitney.core.trail.call_join import RECORDED_WITHIN_SECONDS
from tests.cloudtrail_events import assume_role_event, call_event, identity
from tests.fakes import GRANT as CREDENTIALS_GRANT
from tests.fakes import NOW
from tests.handlers.test_correlator import Correlator

pytestmark = pytest.mark.usefixtures("functions_environment")

GRANT = replace(
    CREDENTIALS_GRANT,
    way=Way.GATEWAY,
    permissions=(Permission(("s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"), ("arn:aws:s3:::reports/*",)),),
)
KEY = "ASIAAAAAAAAAAAAAAAA2"
CALLS = "AROACALLSAAAAAAAAAAAA"
CALL_ID = "c-bcdefghijklmno"
WRITE, READS = f"{CALL_ID}-{GRANT.id}", f"c-reads-{GRANT.id}"
ORIGIN = Origin("198.51.100.7", "r")
PUT = RecordedCall(
    service="s3",
    operation="PutObject",
    region="eu-west-1",
    parameters={"Bucket": "reports", "Key": "2026/q3.csv", "Body": "[12 bytes, SHA-256 00]"},
    parameters_mac="ab" * 32,
    mac_key="bc1932dd-8613-4abd-85c3-00673264dad1",
    actions=("s3:PutObject",),
    resources=("arn:aws:s3:::reports/2026/q3.csv",),
    access_key_id=KEY,
)
GET = replace(PUT, operation="GetObject", actions=("s3:GetObject",), parameters={"Bucket": "reports", "Key": "a"})
ANSWERED = AnswerFacts(200, "request-2", 12)


class Gateway(Correlator):
    """The correlator, beside the records that the gateway writes."""

    def __init__(self) -> None:
        super().__init__(GRANT)

    def write(self, link: ChainedRecord) -> ChainedRecord:
        item = {"pk": {"S": link.chain}, "sk": {"S": sort_key(link.seq)}, **record_attribute(link.text)}
        item |= {name: {"S": value} for name, value in link.index}
        self.table.put_item(TableName="audit", Item=item, ConditionExpression="attribute_not_exists(pk)")
        return link

    def send(self, call: RecordedCall = PUT, call_id: str = CALL_ID) -> ChainedRecord:
        unsigned = replace(call, access_key_id="")
        return self.write(chain_record(call_record(GRANT, unsigned, Outcome.SENT, ORIGIN, NOW + 9), call_id))

    def answer(self, sent: ChainedRecord, answer: AnswerFacts = ANSWERED, call: RecordedCall = PUT) -> None:
        record = call_record(GRANT, call, Outcome.ANSWERED, ORIGIN, NOW + 10, answer=answer, first=False)
        self.write(chain_record(record, sent.chain, sent.seq + 1, sent.hash))

    def read(self, request_id: str = "request-2", call: RecordedCall = GET) -> str:
        call_id = read_call_id(call.access_key_id, request_id)
        answer = AnswerFacts(200, request_id, 12)
        self.write(chain_record(call_record(GRANT, call, Outcome.ANSWERED, ORIGIN, NOW + 10, answer=answer), call_id))
        return call_id

    def lose(
        self, call_id: str = "c-lostlostlostlo", at: int = NOW + 10, code: str = "call_may_have_run", **members: Any
    ) -> str:
        record = call_record(GRANT, replace(GET, **members), Outcome.FAILED, ORIGIN, at, code=code)
        self.write(chain_record(record, call_id))
        return call_id

    def matches(self) -> list[tuple[str, str, str]]:
        """The verdict, the match and the call of each event but the session's start."""
        return [
            (line["verdict"], line["record_match"], line["call_id"])
            for line in self.lines().values()
            if line["operation"] != "AssumeRole"
        ]

    def records_of(self, *events: str) -> list[dict[str, Any]]:
        return [each for each in self.records() if each["event"] in events]


def start(session: str, **more: Any) -> dict[str, Any]:
    return assume_role_event(1, **{"session": session, "by": CALLS, **more})


def event(session: str, number: int = 2, operation: str = "PutObject", **more: Any) -> dict[str, Any]:
    return call_event(number, **{"who": identity(session=session), "eventName": operation, **more})


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_gw_08_a_write_is_joined_to_its_record(gateway: Gateway):
    gateway.answer(gateway.send())
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("explained", "recorded", CALL_ID)]
    assert {(line["grant_id"], line["purpose"]) for line in gateway.lines().values()} == {(GRANT.id, "call")}


def test_gw_08_a_read_is_joined_by_key_and_request_id(gateway: Gateway):
    first, second = gateway.read("request-2"), gateway.read("request-3")
    gateway.take_in(start(READS), event(READS, 3, "GetObject"), event(READS, 2, "GetObject"))
    assert sorted(gateway.matches()) == sorted([("explained", "recorded", first), ("explained", "recorded", second)])


STEPS = ("start", "event", "again", "record")


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
@pytest.mark.parametrize("session", [READS, WRITE])
def test_gw_08_the_order_of_events_and_records_does_not_matter(session: str, order: tuple[str, ...]):
    gateway = Gateway()
    gateway.now = NOW + 20
    made = event(session, operation="GetObject" if session == READS else "PutObject")
    steps = {
        "start": lambda: gateway.take_in(start(session)),
        "event": lambda: gateway.take_in(made),
        "again": lambda: gateway.take_in(made),
        "record": lambda: gateway.read() if session == READS else gateway.answer(gateway.send()),
    }
    for step in order:
        steps[step]()
    gateway.now += RECORDED_WITHIN_SECONDS
    gateway.look_again()
    ((verdict, match, call_id),) = gateway.matches()
    assert (verdict, match) == ("explained", "recorded")
    assert call_id == (read_call_id(KEY, "request-2") if session == READS else CALL_ID)
    assert gateway.records_of("unrecorded", "bypass") == []


@pytest.mark.parametrize(("session", "operation"), [(READS, "GetObject"), (WRITE, "PutObject")])
def test_gw_08_a_call_without_a_record_is_reported_after_the_waiting_time(gateway, session, operation, capsys):
    gateway.now = NOW + 10 + RECORDED_WITHIN_SECONDS - 1
    gateway.take_in(start(session), event(session, operation=operation))
    assert gateway.matches() == []
    gateway.now += 1
    gateway.look_again()
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]
    (record,) = gateway.records_of("unrecorded")
    assert (record["outcome"], record["code"], record["grant_id"]) == ("unexplained", "unrecorded", GRANT.id)
    assert (record["principal"], record["unit"]) == (GRANT.principal, GRANT.unit)
    printed = capsys.readouterr().out
    assert '"UnrecordedCalls":[1' in printed
    assert "Bypasses" not in printed
    assert gateway.queue.asked == []


def test_gw_08_a_second_call_in_the_session_of_one_call_is_unrecorded(gateway: Gateway):
    gateway.answer(gateway.send())
    gateway.take_in(start(WRITE), event(WRITE), event(WRITE, 3))
    assert gateway.matches() == [("explained", "recorded", CALL_ID), ("unrecorded", "unrecorded", "")]


@pytest.mark.parametrize(
    ("call", "call_id"),
    [
        (replace(PUT, access_key_id="ASIAAAAAAAAAAAAAAAA7"), CALL_ID),
        (PUT, "c-abcdefghijklmn"),
        (replace(PUT, actions=("s3:DeleteObject",)), CALL_ID),
    ],
    ids=["another key", "another call", "another operation"],
)
def test_gw_08_a_record_of_another_call_explains_nothing(gateway: Gateway, call: RecordedCall, call_id: str):
    gateway.answer(gateway.send(call, call_id), AnswerFacts(), call)
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


@pytest.mark.parametrize(
    ("key", "code"), [(KEY, "upstream_unreached"), ("", "unavailable")], ids=["unreached", "without a session"]
)
def test_gw_08_a_call_that_did_not_reach_aws_explains_nothing(gateway: Gateway, key: str, code: str):
    sent, call = gateway.send(), replace(PUT, access_key_id=key)
    record = call_record(GRANT, call, Outcome.FAILED, ORIGIN, NOW + 10, code=code, first=False)
    gateway.write(chain_record(record, sent.chain, 1, sent.hash))
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_08_a_read_that_did_not_reach_aws_explains_nothing(gateway: Gateway):
    gateway.lose(code="upstream_unreached")
    gateway.take_in(start(READS), event(READS, operation="GetObject"))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_08_a_record_of_another_grant_explains_nothing(gateway: Gateway):
    other = replace(GRANT, id="g-zzzzzzzzzzzzzz")
    gateway.write(chain_record(call_record(other, PUT, Outcome.SENT, ORIGIN, NOW), CALL_ID))
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_08_a_record_whose_text_does_not_match_its_key_explains_nothing(gateway: Gateway):
    sent = chain_record(call_record(GRANT, PUT, Outcome.SENT, ORIGIN, NOW), "c-abcdefghijklmn")
    gateway.write(replace(sent, chain=CALL_ID))
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_06_a_write_whose_answer_was_lost_is_explained(gateway: Gateway):
    gateway.send()
    gateway.take_in(start(WRITE), event(WRITE))
    assert gateway.matches() == [("explained", "answer_lost", CALL_ID)]


@pytest.mark.parametrize("early", [False, True], ids=["after the answer", "before the answer"])
def test_gw_08_an_event_that_arrives_before_the_answers_record_waits_for_it(gateway: Gateway, early: bool):
    gateway.now = NOW + 11
    sent = gateway.send()
    steps = [lambda: gateway.take_in(start(WRITE), event(WRITE), event(WRITE, 3)), lambda: gateway.answer(sent)]
    for step in steps if early else reversed(steps):
        step()
    gateway.now += RECORDED_WITHIN_SECONDS
    gateway.look_again()
    assert gateway.matches() == [("explained", "recorded", CALL_ID), ("unrecorded", "unrecorded", "")]


def test_gw_08_an_event_that_arrives_before_its_reads_record_is_not_joined_to_a_lost_read(gateway: Gateway):
    gateway.now = NOW + 11
    gateway.lose()
    gateway.take_in(start(READS), event(READS, operation="GetObject"))
    read = gateway.read()
    gateway.now += RECORDED_WITHIN_SECONDS
    gateway.look_again()
    assert gateway.matches() == [("explained", "recorded", read)]


def test_gw_06_an_attempt_that_aws_refused_is_explained(gateway: Gateway):
    gateway.answer(gateway.send())
    throttled = event(WRITE, 3, errorCode="SlowDown", errorMessage="Reduce your request rate")
    gateway.take_in(start(WRITE), event(WRITE), throttled)
    assert gateway.matches()[1] == ("explained", "attempt", CALL_ID)


def test_gw_06_a_read_whose_answer_was_lost_is_explained(gateway: Gateway):
    lost = gateway.lose()
    gateway.take_in(start(READS), event(READS, operation="GetObject"))
    assert gateway.matches() == [("explained", "answer_lost", lost)]


@pytest.mark.parametrize(
    "members",
    [{"at": NOW + 11 + RECORDED_WITHIN_SECONDS}, {"access_key_id": "ASIAAAAAAAAAAAAAAAA7"}, {"actions": ("s3:List",)}],
    ids=["at another time", "with another key", "of another operation"],
)
def test_gw_08_another_lost_read_explains_nothing(gateway: Gateway, members: dict[str, Any]):
    gateway.lose(**members)
    gateway.take_in(start(READS), event(READS, operation="GetObject"))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_08_calls_that_aws_makes_for_a_session_are_explained(gateway: Gateway):
    gateway.answer(gateway.send())
    gateway.read("request-3")
    for session in (WRITE, READS):
        who = identity(session=session) | {"invokedBy": "s3.amazonaws.com"}
        gateway.take_in(event(session, 8, "Decrypt", eventSource="kms.amazonaws.com", who=who))
        assert gateway.matches() == [("explained", "by_aws", CALL_ID if session == WRITE else "")]
        gateway.table.items = {key: each for key, each in gateway.table.items.items() if "line" not in each}


def test_gw_08_aws_acts_for_no_call_without_a_record(gateway: Gateway):
    who = identity(session=WRITE) | {"invokedBy": "s3.amazonaws.com"}
    gateway.take_in(start(WRITE), event(WRITE, 8, "Decrypt", eventSource="kms.amazonaws.com", who=who))
    assert gateway.matches() == [("unrecorded", "unrecorded", "")]


def test_gw_09_each_use_of_a_ticket_is_explained_by_it(gateway: Gateway):
    """The agent sends the request itself, so that no record has AWS's id of it."""
    gateway.answer(gateway.send(replace(PUT, ticket=True)), AnswerFacts(), replace(PUT, ticket=True))
    gateway.take_in(start(WRITE), event(WRITE), event(WRITE, 3), event(WRITE, 4, "DeleteObject"))
    assert gateway.matches() == [
        ("explained", "ticket", CALL_ID),
        ("explained", "ticket", CALL_ID),
        ("unrecorded", "unrecorded", ""),
    ]


def test_gw_08_an_event_without_a_request_id_is_no_alarm(gateway: Gateway):
    gateway.take_in(start(READS), event(READS, operation="GetObject", requestID=None))
    assert gateway.matches() == [("explained", "no_request_id", "")]


def test_gw_08_a_bypass_stays_a_bypass_with_a_record(gateway: Gateway):
    gateway.answer(gateway.send())
    gateway.take_in(start(WRITE, by="AROAADMINAAAAAAAAAAAA"), event(WRITE))
    assert gateway.matches() == [("bypass", "", "")]
    assert gateway.records_of("unrecorded") == []


def test_gw_08_records_without_events_are_no_fault(gateway: Gateway):
    """CloudTrail logs data events only where a trail is set to."""
    gateway.answer(gateway.send())
    gateway.take_in(start(WRITE))
    gateway.now += 10 * RECORDED_WITHIN_SECONDS
    gateway.look_again()
    assert gateway.matches() == []
    assert gateway.records_of("unrecorded", "bypass") == []


def test_gw_08_the_published_line_of_a_call_matches_its_key(gateway: Gateway):
    gateway.take_in(start(WRITE), event(WRITE))
    lines = {sk: json.loads(item["line"]["S"]) for (_, sk), item in gateway.table.items.items() if "line" in item}
    assert {sk.partition("#")[0]: each["verdict"] for sk, each in lines.items()} == {
        "EXPLAINED": "explained",
        "UNRECORDED": "unrecorded",
    }


GATEWAY_BYPASSES = {
    "by a function that issues to agents": ({"by": "AROAGRANTSAAAAAAAAAAA"}, {}, "not_issued_by_jitney"),
    "by an administrator": ({"by": "AROAADMINAAAAAAAAAAAA"}, {}, "not_issued_by_jitney"),
    "before the grant's start": ({"at": NOW - 61}, {"at": NOW - 61}, "before_the_start"),
    "for another principal": ({"source_identity": "corp.mallory"}, {}, "wrong_source_identity"),
    "after the grant's end": ({}, {"at": GRANT.expires_at + 61}, "after_the_end"),
}


@pytest.mark.parametrize(("begun", "made", "reason"), GATEWAY_BYPASSES.values(), ids=GATEWAY_BYPASSES)
@pytest.mark.parametrize("session", [READS, WRITE])
def test_gw_08_a_session_that_the_gateway_cannot_have_made_is_a_bypass(
    gateway: Gateway, session: str, begun: dict[str, Any], made: dict[str, Any], reason: str
):
    gateway.now = GRANT.expires_at + 600
    gateway.take_in(start(session, **begun), event(session, **made))
    assert reason in {each for reasons in gateway.reasons() for each in reasons}


@pytest.mark.parametrize("session", [GRANT.id, "g-canary-aaaaaaaaaaaaaa", "g-check-aaaaaaaaaaaaaa"])
def test_gw_08_the_gateways_function_explains_no_other_session(session: str):
    correlator = Correlator(CREDENTIALS_GRANT)
    correlator.take_in(start(session))
    assert correlator.reasons() == [("not_issued_by_jitney",)]


@pytest.mark.parametrize("session", [READS, WRITE])
def test_gw_01_a_gateway_session_of_a_grant_with_credentials_is_a_bypass(session: str):
    correlator = Correlator(CREDENTIALS_GRANT)
    correlator.take_in(start(session))
    assert correlator.reasons() == [("other_way",)]


def test_gw_01_credentials_of_a_gateway_grant_are_a_bypass_and_its_canary_is_none(gateway: Gateway):
    gateway.take_in(assume_role_event(1), event(GRANT.id))
    assert gateway.reasons() == [("other_way",), ("other_way",)]
    canary = {"session": f"g-canary-{GRANT.id[2:]}", "by": "AROAMEASUREMENTSAAAAA", "key": "ASIAAAAAAAAAAAAAAAA7"}
    gateway.take_in(assume_role_event(7, **canary))
    assert gateway.reasons()[-1] == ()


@pytest.mark.parametrize("session", ["c-reads-g-", "c-reads", f"c-{GRANT.id}", f"{WRITE}-x", f"c-short-{GRANT.id}"])
def test_gw_08_a_name_like_a_gateway_sessions_is_a_bypass(gateway: Gateway, session: str):
    gateway.take_in(start(session))
    assert gateway.reasons() == [("unknown_session_name",)]


@pytest.mark.parametrize(("session", "reasons"), [(READS, ()), (WRITE, ("after_the_call",))])
def test_gw_01_a_session_of_one_call_explains_a_minute_only(gateway: Gateway, session: str, reasons: tuple[str, ...]):
    gateway.answer(gateway.send())
    gateway.read()
    denied = event(session, 4, at=NOW + 121, errorCode="AccessDenied", requestID="request-2")
    gateway.take_in(start(session), event(session, at=NOW + 120), denied)
    assert gateway.reasons() == [(), (), ()]
    gateway.take_in(event(session, 3, at=NOW + 121, requestID="request-2"))
    assert gateway.reasons()[-1] == reasons


@pytest.mark.parametrize("session", [READS, WRITE])
def test_aud_03_a_gateway_session_from_before_a_cut_off_is_a_bypass_after_it(gateway: Gateway, session: str):
    gateway.store.grants[GRANT.id] = replace(GRANT, cut_off_at=NOW + 5)
    gateway.take_in(start(session), event(session, at=NOW + 66))
    assert gateway.reasons() == [(), ("after_the_cut_off",)]
