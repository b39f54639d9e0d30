"""Reading the data of a report from the audit table: by key, in pages, and only items that match their key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from jitney.adapters.grant_history import GrantHistory
from jitney.adapters.record_items import record_attribute
from jitney.adapters.trail import Trail
from jitney.core.call_lookup import CALL_INDEX, CALL_INDEX_ATTRIBUTES
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, ChainedRecord, Outcome, chain_record
from jitney.core.records.chain_numbers import sort_key
from jitney.core.trail.call import call_from_json, calls_partition, grant_keys_partition
from jitney.core.trail.call_line import verdict_key
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.report.recorded_grants import CALL, call, requested
from tests.core.report.test_builder import reviewed
from tests.fakes import GRANT, NOW
from tests.moto_clients import moto_client

KEYS = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]}
INDEX: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", *CALL_INDEX_ATTRIBUTES)
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": CALL_INDEX,
            "KeySchema": [
                {"AttributeName": name, "KeyType": kind}
                for name, kind in zip(CALL_INDEX_ATTRIBUTES, ("HASH", "RANGE"), strict=True)
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        made = moto_client("dynamodb")
        made.create_table(TableName="audit", **KEYS, **INDEX, BillingMode="PAY_PER_REQUEST")
        yield made


def put(client: Any, pk: str, sk: str, **members: str) -> None:
    record = record_attribute(members.pop("record")) if "record" in members else {}
    item = {name: {"S": text} for name, text in ({"pk": pk, "sk": sk} | members).items()}
    client.put_item(TableName="audit", Item=item | record)


def concluded(
    client: Any,
    number: int,
    *,
    key: str = "ASIAAAAAAAAAAAAAAAA2",
    grant_id: str = GRANT.id,
    reasons: tuple[str, ...] = (),
) -> str:
    """Return the line of a call as the correlator stores it."""
    line = call(number, CallVerdict(Purpose.GRANT, grant_id, reasons)) | {"access_key_id": key, "grant_id": grant_id}
    members = {name: line[name] for name in json.loads(json.dumps(CALL.__slots__))}
    made = call_from_json(json.dumps(members | {"time": NOW + 10}))
    text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    Trail(client, "audit").save_verdict(made, reasons, text, NOW, grant_id=grant_id)
    return text


def test_aud_04_the_records_of_a_grant_are_read_and_no_others(client: Any):
    history, other = reviewed(), requested(GRANT)
    for link in history.links:
        put(client, link.chain, f"{link.seq:06d}", record=link.text)
    put(client, "g-cccccccccccccc", "000000", record=other.links[0].text)
    assert GrantHistory(client, "audit").records(GRANT.id) == (history.lines, False)


def test_aud_04_calls_of_a_grant_are_found_for_all_its_keys(client: Any):
    lines = [concluded(client, 1), concluded(client, 2), concluded(client, 3, key="ASIAAAAAAAAAAAAAAAA3")]
    concluded(client, 4, key="", grant_id="g-cccccccccccccc")
    lines.append(concluded(client, 5, key=""))  # made by a service: many grants' calls lie at that key
    found, cut = GrantHistory(client, "audit").calls(GRANT.id)
    assert not cut
    assert sorted(found, key=lambda line: line["event_id"]) == [json.loads(text) for text in lines]
    assert [line["event_id"] for line in GrantHistory(client, "audit").calls("g-cccccccccccccc").lines] == ["e-4"]
    assert GrantHistory(client, "audit").calls("g-dddddddddddddd") == ([], False)


def test_aud_02_an_item_that_does_not_match_its_key_is_no_line_of_the_grant(client: Any):
    """The items are a record of another chain, a call under another key, a text that is no line, and a reference to no
    call.
    """
    history = requested()
    put(client, GRANT.id, "000007", record=history.links[0].text)
    put(client, GRANT.id, "000008", record="{}")
    text = concluded(client, 1)
    pk = calls_partition(GRANT.account, "ASIAAAAAAAAAAAAAAAA2")
    put(client, pk, verdict_key("e-9", ()), line=text)
    put(client, pk, verdict_key("e-8", ("after_the_end",)), line="nothing")
    put(client, grant_keys_partition(GRANT.id), "other", calls_pk="g-cccccccccccccc")
    put(client, "g-cccccccccccccc", "EXPLAINED#e-7", line=text)
    stories = GrantHistory(client, "audit")
    assert stories.records(GRANT.id).lines == [{}, {}]
    assert sorted(line.get("event_id", "") for line in stories.calls(GRANT.id).lines) == ["", "", "e-1"]


def test_a_key_is_saved_once(client: Any):
    trail = Trail(client, "audit")
    for number in range(3):
        made = call_from_json(json.dumps({name: call(number)[name] for name in CALL.__slots__} | {"time": NOW}))
        trail.save_verdict(made, (), "{}", NOW, grant_id=GRANT.id)
    items = client.query(
        TableName="audit",
        KeyConditionExpression="pk = :k",
        ExpressionAttributeValues={":k": {"S": grant_keys_partition(GRANT.id)}},
    )["Items"]
    assert [item["calls_pk"]["S"] for item in items] == [calls_partition(GRANT.account, "")]


def test_pol_08_a_table_that_does_not_answer_is_a_problem(client: Any):
    client.delete_table(TableName="audit")
    for read in (GrantHistory(client, "audit").records, GrantHistory(client, "audit").calls):
        with pytest.raises(Problem, match="audit table"):
            read(GRANT.id)


def test_however_many_there_are_they_are_read_in_pages_and_no_more_than_a_page_shows(
    client: Any, monkeypatch: pytest.MonkeyPatch
):
    for number in range(6):
        concluded(client, number)
    query = client.query
    monkeypatch.setattr(client, "query", lambda **asked: query(**asked, Limit=2))
    for most, read, cut in ((6, 6, False), (5, 5, True)):
        monkeypatch.setattr("jitney.adapters.grant_history.MOST_CALLS", most)
        found = GrantHistory(client, "audit").calls(GRANT.id)
        assert (len(found.lines), found.cut) == (read, cut)


@pytest.mark.parametrize("reason", ["after_the_end", "key_not_issued"])
def test_aud_04_what_nothing_explains_is_read_before_what_a_grant_explains(
    client: Any, monkeypatch: pytest.MonkeyPatch, reason: str
):
    """This holds for any number of calls that an agent makes with its other keys."""
    monkeypatch.setattr("jitney.adapters.grant_history.MOST_CALLS", 3)
    for number in range(6):
        concluded(client, number, key=f"ASIA{number:016d}")
    concluded(client, 7, key=f"ASIA{9:016d}", reasons=(reason,))
    found = GrantHistory(client, "audit").calls(GRANT.id)
    assert (found.lines[0]["event_id"], len(found.lines), found.cut) == ("e-7", 3, True)


def test_aud_04_calls_of_others_at_a_shared_key_are_read_while_there_is_room(
    client: Any, monkeypatch: pytest.MonkeyPatch
):
    """Calls without a key are in one partition for all grants of an account.

    A page does not wait until all are read.
    """
    for number in range(30, 60):
        concluded(client, number, key="", grant_id="g-cccccccccccccc", reasons=("after_the_end",))
    concluded(client, 99, key="")
    concluded(client, 98)
    query, read = client.query, list[str]()

    def counting(**asked: Any) -> Any:
        answer = query(**asked, Limit=5)
        read.extend(item["sk"]["S"] for item in answer["Items"])
        return answer

    monkeypatch.setattr(client, "query", counting)
    found = GrantHistory(client, "audit").calls(GRANT.id)
    assert ([line["event_id"] for line in found.lines], found.cut) == (["e-98", "e-99"], False)
    monkeypatch.setattr("jitney.adapters.grant_history.MOST_OTHERS", 10)
    read.clear()
    found = GrantHistory(client, "audit").calls(GRANT.id)
    assert ([line["event_id"] for line in found.lines], found.cut) == (["e-98", "e-99"], True)
    assert len([sk for sk in read if sk.startswith("BYPASS#")]) == 15
    read.clear()
    for number in range(30, 60):
        concluded(client, number + 100, key="", grant_id="g-cccccccccccccc")
    found = GrantHistory(client, "audit").calls(GRANT.id)
    assert ([line["event_id"] for line in found.lines], found.cut) == (["e-98"], True)
    assert len(read) < 30


def test_aud_04_more_keys_than_are_read_mark_the_answer_as_cut(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.adapters.grant_history.MOST_KEYS", 2)
    for number, cut in ((1, False), (2, False), (3, True)):
        concluded(client, number, key=f"ASIA{number:016d}")
        assert GrantHistory(client, "audit").calls(GRANT.id).cut is cut


def test_aud_04_however_many_records_there_are_the_first_and_the_last_are_read(
    client: Any, monkeypatch: pytest.MonkeyPatch
):
    """An agent may fetch credentials very often. The end of its grant must still be reported."""
    history = reviewed()
    for link in history.links:
        put(client, link.chain, f"{link.seq:06d}", record=link.text)
    most = len(history.links)
    for allowed, numbers in ((most, range(most)), (most - 1, [0, 1, 2, 4, 5, 6]), (2, [0, 6])):
        monkeypatch.setattr("jitney.adapters.grant_history.MOST_RECORDS", allowed)
        found = GrantHistory(client, "audit").records(GRANT.id)
        assert [line["seq"] for line in found.lines] == list(numbers)
        assert found.cut is (allowed < most)


def call_record(
    client: Any, number: int, *outcomes: Outcome, grant_id: str = GRANT.id, first: int = 0
) -> list[ChainedRecord]:
    """Write the records of a call through the gateway, which begin with number `first`, and return them."""
    links = []
    for seq, outcome in enumerate(outcomes, first):
        record = AuditRecord(NOW + number + seq, AuditEvent.CALL, outcome, grant_id=grant_id)
        link = chain_record(record, f"c-{number:014d}", seq)
        put(client, link.chain, sort_key(seq), record=link.text, **dict(link.index))
        links.append(link)
    return links


SENT, ANSWERED, FAILED = Outcome.SENT, Outcome.ANSWERED, Outcome.FAILED
CALLS = {
    "a read": [ANSWERED],
    "a read without an answer": [FAILED],
    "a change": [SENT, ANSWERED],
    "a change without an answer": [SENT, FAILED],
    "a change whose function ended": [SENT],
    "a ticket of an upload": [SENT, SENT],
    "a change that AWS throttled": [SENT, FAILED, SENT, FAILED, SENT, ANSWERED],
}


def test_gw_08_all_records_of_a_grants_gateway_calls_are_read_and_no_others(client: Any):
    made = [
        link
        for number in range(120)
        for link in call_record(client, number, *list(CALLS.values())[number % len(CALLS)])
    ]
    call_record(client, 300, SENT, ANSWERED, grant_id="g-zzzzzzzzzzzzzz")
    page = GrantHistory(client, "audit").gateway_calls(GRANT.id)
    assert not page.cut
    assert sorted(line["hash"] for line in page.lines) == sorted(link.hash for link in made)


@pytest.mark.parametrize("outcomes", CALLS.values(), ids=CALLS)
def test_gw_08_a_call_has_one_entry_in_the_index(client: Any, outcomes: list[Outcome]):
    assert [bool(link.index) for link in call_record(client, 1, *outcomes)] == [True, *[False] * (len(outcomes) - 1)]


def test_gw_08_later_records_are_read_after_a_first_one_that_is_unreadable(client: Any):
    (first,) = call_record(client, 1, SENT)
    put(client, first.chain, sort_key(0), record="{}", **dict(first.index))
    (later,) = call_record(client, 1, ANSWERED, first=1)
    put(client, first.chain, "forged", record="{}", **dict(first.index))
    lines = GrantHistory(client, "audit").gateway_calls(GRANT.id).lines
    assert sorted(lines, key=len) == [{}, {}, json.loads(later.text)]


def test_gw_08_a_forged_entry_in_the_index_is_an_unreadable_line(client: Any):
    (link,) = call_record(client, 1, ANSWERED)
    put(client, "c-forged", sort_key(0), record=link.text, **dict(link.index))
    lines = GrantHistory(client, "audit").gateway_calls(GRANT.id).lines
    assert sorted(lines, key=len) == [{}, json.loads(link.text)]


@pytest.mark.parametrize(("calls", "records", "read"), [(3, 99, 6), (99, 7, 7), (99, 5, 5), (5, 10, 10)])
def test_gw_08_many_gateway_calls_cut_the_page(
    client: Any, monkeypatch: pytest.MonkeyPatch, calls: int, records: int, read: int
):
    monkeypatch.setattr("jitney.adapters.grant_history.MOST_GATEWAY_CALLS", calls)
    monkeypatch.setattr("jitney.adapters.grant_history.MOST_GATEWAY_RECORDS", records)
    made = [call_record(client, number, SENT, ANSWERED) for number in range(5)]
    page = GrantHistory(client, "audit").gateway_calls(GRANT.id)
    assert page.cut is (read < 10)
    firsts = [link.hash for link, _ in made][:calls]
    assert {line["hash"] for line in page.lines} >= set(firsts)
    assert len(page.lines) == read


def test_gw_08_lost_answers_are_found_by_grant_and_time(client: Any):
    for number in (1, 40, 80):
        call_record(client, number, FAILED)
    call_record(client, 41, SENT, FAILED)  # it has a session of its own, whose name has its id
    call_record(client, 42, FAILED, grant_id="g-zzzzzzzzzzzzzz")
    found = Trail(client, "audit").unanswered_calls(GRANT.id, NOW + 30, NOW + 50)
    assert [each.call_id for each in found] == ["c-00000000000040"]
