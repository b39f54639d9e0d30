"""What is put into the audit table goes on to Firehose if it belongs at its key; all else raises an alarm."""

import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.adapters.record_items import record_attribute, record_in
from jitney.audit_database.glue_tables import CALL_COLUMNS, RECORD_COLUMNS
from jitney.core.compressed_text import MAX_TEXT_BYTES, compress_text
from jitney.core.integrity.contents import read_contents
from jitney.core.integrity.publishable_items import BOOLEANS, INTEGER_BITS, LISTS, record_at
from jitney.core.records.audit import AuditEvent, AuditRecord, ChainedRecord, Outcome, chain_record
from jitney.core.records.chain_numbers import MAX_SEQ, sort_key
from jitney.core.records.record_texts import canonical
from jitney.core.times import iso
from jitney.handlers.publisher import MOST_MISDATED_SECONDS, publish
from jitney.handlers.runtime.ports import Ports
from tests.cloudtrail_events import assume_role_event, call_event, identity
from tests.core.integrity.world import World, chain, key_of, rewritten
from tests.fakes import GRANT, NOW
from tests.handlers.test_correlator import Correlator
from tests.infra.alarm_states import metrics_in
from tests.stream_images import stream_image


class Stream:
    """A delivery stream that takes everything but the records at `refused`."""

    def __init__(self, refused: tuple[int, ...] = ()) -> None:
        self.taken: list[str] = []
        self._refused = refused

    def put(self, texts: list[str]) -> list[int]:
        self.taken += [text for index, text in enumerate(texts) if index not in self._refused]
        return [index for index in self._refused if index < len(texts)]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jitney")


def added(pk: str, sk: str, **members: Any) -> dict[str, Any]:
    """The stream's record of an item that was put; `members` are texts, or values as boto3 takes them."""
    keys = {"pk": {"S": pk}, "sk": {"S": sk}}
    image = {name: each if isinstance(each, dict) else {"S": each} for name, each in members.items()}
    if isinstance(text := members.get("record"), str):
        image |= record_attribute(text)
    image = stream_image({**image, **keys, "expires": {"N": "1"}})
    written = {"SequenceNumber": f"{pk}/{sk}", "ApproximateCreationDateTime": float(NOW + 2)}
    return {"eventName": "INSERT", "dynamodb": {**written, "Keys": keys, "NewImage": image}}


def put(each: ChainedRecord) -> dict[str, Any]:
    """Return the change for a record that the store wrote."""
    return added(each.chain, sort_key(each.seq), record=each.text)


def reported(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the keys of the reported items."""
    return [(vars(each)["chain"], vars(each)["seq"]) for each in caplog.records if each.levelname == "ERROR"]


SERVICE = frozenset({("service", "jitney")})
TAMPERED_KEY = ("Jitney", "AuditRecordsTampered", SERVICE)
LINKS = chain("g-a", 3)
TEXTS = [each.text for each in LINKS]


def test_every_record_is_published():
    stream = Stream()
    event = {"Records": [put(each) for each in LINKS]}
    assert publish(event, Ports(records_stream=stream)) == {"batchItemFailures": []}
    assert stream.taken == TEXTS


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"time": iso(NOW + 2 - MOST_MISDATED_SECONDS)}, False),
        ({"time": iso(NOW + 1 - MOST_MISDATED_SECONDS)}, True),
        ({"time": iso(NOW + 3 + MOST_MISDATED_SECONDS)}, True),
        ({"time": iso(NOW - 400 * 86_400), "outcome": Outcome.REFUSED}, False),
        *(({"time": each}, True) for each in ("", None, 5, "2026-11-24", "9999-12-31T23:59:59+14:00")),
    ],
)
def test_aud_02_a_record_that_is_dated_back_raises_the_alarm_and_is_published(
    members: dict[str, Any], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, *, named: bool
):
    text = rewritten(chain("g-a", 1)[0].text.encode(), rehash=True, **members).decode()
    stream = Stream()
    publish({"Records": [added("g-a", sort_key(0), record=text)]}, Ports(records_stream=stream))
    assert stream.taken == [text]
    assert reported(caplog) == [("g-a", sort_key(0))] * named
    assert ("AuditRecordsTampered" in capsys.readouterr().out) == named


def test_aud_06_refused_lines_are_reported_for_retry():
    failures = publish({"Records": [put(each) for each in LINKS]}, Ports(records_stream=Stream((1,))))
    assert failures == {"batchItemFailures": [{"itemIdentifier": "g-a/000001"}]}


def test_ops_01_a_record_that_is_published_again_is_counted_once(capsys: pytest.CaptureFixture[str]):
    """Lambda sends the batch again from the first failed record on."""
    batch = [put(each) for each in LINKS]
    publish({"Records": batch}, Ports(records_stream=Stream((1,))))
    publish({"Records": batch[1:]}, Ports(records_stream=Stream()))
    assert sum(metrics_in(capsys.readouterr().out)["Jitney", "RequestsAllowed", SERVICE]) == len(LINKS)


@given(st.text(), st.text(), st.integers(0, 10**7))
def test_aud_02_any_genuine_record_matches_its_key(reason: str, ticket: str, seq: int):
    record = AuditRecord(
        NOW, AuditEvent.REQUEST, Outcome.ALLOWED, reason=reason, ticket=ticket, detail={"a": [reason, 1]}
    )
    made = chain_record(record, GRANT.id, seq)
    assert record_at(GRANT.id, sort_key(seq), made.text) is not None
    assert record_at(GRANT.id, sort_key(seq + 1), made.text) is None
    assert record_at("r-mine", sort_key(seq), made.text) is None


MINE = chain("r-mine", 2)[1]
SAID = {"account": "1", "access_key_id": "A", "event_id": "e"}
POISON: dict[str, dict[str, Any]] = {
    "another chain": added("r-mine", "000001", record=TEXTS[1]),
    "another number": added("g-a", "000002", record=TEXTS[1]),
    "a number spelt otherwise": added("g-a", "1", record=TEXTS[1]),
    "a hash that does not fit": added(
        "r-mine", "000001", record=rewritten(MINE.text.encode(), rehash=False, reason="x").decode()
    ),
    "white space": added("r-mine", "000001", record=MINE.text + "\n"),
    "two records": added("r-mine", "000001", record=MINE.text + "\n" + TEXTS[1]),
    "two chains": added("r-mine", "000001", record='{"chain":"g-a",' + MINE.text[1:]),
    "a number below 0": added("r-mine", "-00001", record=rewritten(MINE.text.encode(), rehash=True, seq=-1).decode()),
    "a number that Athena's column cannot hold": added(
        "r-mine", f"{MAX_SEQ + 1}", record=rewritten(MINE.text.encode(), rehash=True, seq=MAX_SEQ + 1).decode()
    ),
    **{
        f"a member that its column cannot hold: {members}": added(
            "r-mine", "000001", record=rewritten(MINE.text.encode(), rehash=True, **members).decode()
        )
        for members in (
            {"version": "one"},
            {"count": 2**31},
            {"count": True},
            {"duration_seconds": 1.5},
            {"actions": "s3:*"},
            {"resources": [{"arn": "*"}]},
            {"policies": None},
            {"reason": {"text": "x"}},
            {"later": {"event": 1, "Event": 2}},
            {"Outcome": "allowed"},
            {"later": float("nan")},
        )
    },
    "a number instead of text": added("r-mine", "000001", record={"N": "1"}),
    "text that is not compressed": added("r-mine", "000001", record={"S": MINE.text}),
    "bytes that are not compressed": added("r-mine", "000001", record={"B": MINE.text.encode()}),
    "a cut record": added("r-mine", "000001", record={"B": compress_text(MINE.text)[:-1]}),
    "bytes after a record": added("r-mine", "000001", record={"B": compress_text(MINE.text) + b"canary"}),
    "bytes that are no text": added("r-mine", "000001", record={"B": zlib.compress(b"\xff")}),
    "a large record in few bytes": added(
        "r-mine", "000001", record={"B": zlib.compress((" " * MAX_TEXT_BYTES + MINE.text).encode())}
    ),
    "nothing": added("r-mine", "000001", record=""),
    "null": added("r-mine", "000001", record="null"),
    "deep": added("r-mine", "000001", record="[" * 100_000),
    "deep to its end": added("r-mine", "000001", record="[" * 50_000 + "]" * 50_000),
    "a second attribute of a call": added("r-mine", "000001", record=MINE.text, line="{}"),
    "an unknown second attribute": added("r-mine", "000001", record=MINE.text, more="canary"),
    "a call among records": added("r-mine", "000001", line=canonical({**SAID, "verdict": "explained", "reasons": []})),
    "a call of another key": added(
        "k-1-A",
        "EXPLAINED#e",
        line=canonical({**SAID, "access_key_id": "B", "verdict": "explained", "reasons": []}),
    ),
    "a call explained as a bypass": added(
        "k-1-A", "EXPLAINED#e", line=canonical({**SAID, "verdict": "bypass", "reasons": ["x"]})
    ),
    "a bypass that says it is explained": added(
        "k-1-A", "BYPASS#e", line=canonical({**SAID, "verdict": "explained", "reasons": ["x"]})
    ),
    "a bypass that has no reason": added(
        "k-1-A", "EXPLAINED#e", line=canonical({**SAID, "verdict": "bypass", "reasons": []})
    ),
    "a bypass that may yet be explained": added(
        "k-1-A", "UNISSUED#e", line=canonical({**SAID, "verdict": "bypass", "reasons": ["x"]})
    ),
    "a call that is no boolean": added(
        "k-1-A",
        "EXPLAINED#e",
        line=canonical({**SAID, "verdict": "explained", "reasons": [], "read_only": "no"}),
    ),
    "a key's beginning among records": added("r-mine", "ISSUE", issue="canary"),
}


def test_aud_02_the_types_that_are_checked_are_those_of_athenas_columns():
    kinds = {"int": 32, "bigint": 64}
    columns = {*RECORD_COLUMNS, *CALL_COLUMNS}
    assert {name: kinds[kind] for name, kind in columns if kind in kinds} == INTEGER_BITS
    assert {name for name, kind in columns if kind == "array<string>"} == LISTS
    assert {name for name, kind in columns if kind == "boolean"} == BOOLEANS


def test_aud_06_a_member_that_a_later_version_added_is_published():
    later = rewritten(MINE.text.encode(), rehash=True, later=["x"], more=None, count=2**31 - 1).decode()
    stream = Stream()
    publish({"Records": [added("r-mine", "000001", record=later)]}, Ports(records_stream=stream))
    assert stream.taken == [later]


@pytest.mark.parametrize("name", POISON)
def test_aud_02_an_item_that_does_not_match_its_key_is_reported_and_blocks_nothing(name: str, capsys, caplog):
    records, calls = Stream(), Stream()
    event = {"Records": [put(LINKS[0]), POISON[name], put(LINKS[1])]}
    assert publish(event, Ports(records_stream=records, calls_stream=calls)) == {"batchItemFailures": []}
    assert (records.taken, calls.taken) == (TEXTS[:2], [])
    keys = POISON[name]["dynamodb"]["Keys"]
    assert reported(caplog) == [(keys["pk"]["S"], keys["sk"]["S"])]
    printed = capsys.readouterr().out
    assert metrics_in(printed)[TAMPERED_KEY] == [1.0]
    assert "canary" not in printed + str([vars(each) for each in caplog.records])


def _more(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("pk", "sk", "expires")}


def test_aud_02_the_correlators_items_are_no_tampering(caplog):
    correlator = Correlator(GRANT)
    correlator.take_in(
        call_event(1),
        assume_role_event(2),
        call_event(3, who=identity("intruder", "")),
        call_event(4, at=GRANT.expires_at + 3600),
    )
    caplog.clear()
    written = list(correlator.table.items.items())
    assert {name for _, item in written for name in item} >= {"issue", "call", "since", "line", "record"}
    event = {"Records": [added(*key, **_more(item)) for key, item in written]}
    records, calls = Stream(), Stream((0,))
    (again,) = publish(event, Ports(records_stream=records, calls_stream=calls))["batchItemFailures"]
    assert again["itemIdentifier"].startswith("k-")
    assert reported(caplog) == []
    assert records.taken == [record_in(item) for _, item in written if "record" in item]
    assert len(calls.taken) == len([item for _, item in written if "line" in item]) - 1
    world = World({key_of(0): "\n".join(records.taken).encode()})
    assert len(read_contents(world.objects[key_of(0)]).entries) == len(records.taken) > 0
    world.seal()
    assert world.verify().breaks == ()


TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
KEYS = {"pk": {"S": "g-aaaaaaaaaaaaaa"}, "sk": {"S": "000000"}}


def change(name: str, text: str = "", **members: Any) -> dict:
    image = {"NewImage": stream_image({**KEYS, **record_attribute(text)})} if text else {}
    return {"eventName": name, "dynamodb": {"SequenceNumber": "7", "Keys": KEYS, **image}, **members}


def test_a_deletion_by_ttl_publishes_nothing_and_is_no_tampering(capsys, caplog):
    event = {"Records": [change("REMOVE", userIdentity=TTL)]}
    assert publish(event, Ports()) == {"batchItemFailures": []}
    assert (capsys.readouterr().out, caplog.records) == ("", [])


@pytest.mark.parametrize(
    "changed",
    [
        change("MODIFY", "canary"),
        change("MODIFY", "canary", userIdentity=TTL),
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "Keys": KEYS, "NewImage": KEYS}},
        change("REMOVE"),
        change("REMOVE", userIdentity=None),
        change("REMOVE", userIdentity={**TTL, "type": "User"}),
        change("REMOVE", userIdentity={**TTL, "principalId": "AIDAEXAMPLE"}),
    ],
)
def test_aud_02_a_changed_or_deleted_record_is_reported_and_not_published(changed: dict, capsys, caplog):
    stream = Stream()
    event = {"Records": [changed, put(LINKS[0]), changed]}
    assert publish(event, Ports(records_stream=stream)) == {"batchItemFailures": []}
    assert stream.taken == TEXTS[:1]
    assert reported(caplog) == [("g-aaaaaaaaaaaaaa", "000000")] * 2
    assert "canary" not in str([vars(each) for each in caplog.records])
    assert metrics_in(capsys.readouterr().out)[TAMPERED_KEY] == [2.0]


def call_link() -> ChainedRecord:
    """Return the record of a call, which has a place in the index."""
    record = AuditRecord(NOW, AuditEvent.CALL, Outcome.SENT, grant_id=GRANT.id)
    return chain_record(record, "c-bcdefghijklmno")


def later_link() -> ChainedRecord:
    """Return the second record of a call, which has no place in the index."""
    record = AuditRecord(NOW, AuditEvent.CALL, Outcome.ANSWERED, grant_id=GRANT.id)
    return chain_record(record, "c-bcdefghijklmno", 1, call_link().hash)


def test_gw_08_a_calls_first_record_is_published_with_its_place_in_the_index(caplog: pytest.LogCaptureFixture):
    stream, links = Stream(), (call_link(), later_link())
    changes = [added(link.chain, sort_key(link.seq), record=link.text, **dict(link.index)) for link in links]
    assert publish({"Records": changes}, Ports(records_stream=stream)) == {"batchItemFailures": []}
    assert (stream.taken, reported(caplog)) == ([link.text for link in links], [])
    assert [bool(link.index) for link in links] == [True, False]


OTHER_PLACES: dict[str, tuple[ChainedRecord, dict[str, str]]] = {
    "none": (call_link(), {}),
    "half of it": (call_link(), dict(call_link().index[:1])),
    "of another grant": (call_link(), dict(call_link().index) | {"call_of": "g-zzzzzzzzzzzzzz"}),
    "at another time": (call_link(), dict(call_link().index) | {"call_at": "2026"}),
    "of a call's second record": (later_link(), dict(call_link().index)),
    "for no call": (LINKS[0], dict(call_link().index)),
}


@pytest.mark.parametrize(("link", "index"), OTHER_PLACES.values(), ids=OTHER_PLACES)
def test_aud_02_a_record_at_another_place_in_the_index_is_reported(link: ChainedRecord, index: dict[str, str], caplog):
    stream = Stream()
    publish(
        {"Records": [added(link.chain, sort_key(link.seq), record=link.text, **index)]}, Ports(records_stream=stream)
    )
    assert (stream.taken, reported(caplog)) == ([], [(link.chain, sort_key(link.seq))])
