"""`jitney audit redrive`, with queues and a table in moto."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from jitney.adapters.record_items import record_attribute
from jitney.adapters.trail import CALL_RETENTION_SECONDS
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.client.audit import redrive
from jitney.client.audit.redrive import Period, Redrive, period_of, resources_of
from jitney.client.problems import Unavailable
from jitney.core.records.chain_numbers import sort_key
from tests.cli import invoke
from tests.cloudtrail_events import assume_role_event, call_event
from tests.core.integrity.world import chain
from tests.fakes import GRANT
from tests.handlers.test_correlator import Correlator

REGION = "eu-west-1"
NOW = int(time.time())
CHAIN = chain("g-a", 3)


def letter(first: int, last: int) -> str:
    """Return what Lambda writes about a batch that it gave up."""
    at = [datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (first, last)]
    info = {"shardId": "shardId-1", "batchSize": 1, "approximateArrivalOfFirstRecord": at[0]}
    return json.dumps({"version": "1.0", "DDBStreamBatchInfo": info | {"approximateArrivalOfLastRecord": at[1]}})


class Stuck:
    """The parts with their dead letters. What Firehose accepts is in `taken`, unless `refusing`."""

    def __init__(self, folder: Path) -> None:
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        self.urls = {name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("trail", "dead", "letters")}
        self.dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        self.dynamodb.create_table(
            TableName="audit",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        )
        self.taken: dict[str, list[str]] = {"jitney-records": [], "jitney-calls": []}
        self.refusing = 0
        self.stack = folder / "outputs.json"
        arns = {name: f"arn:aws:sqs:{REGION}:123456789012:{name}" for name in self.urls}
        outputs = {
            "TrailQueue": self.urls["trail"],
            "TrailDeadLetters": arns["dead"],
            "RecordDeadLetters": arns["letters"],
        }
        self.stack.write_text(json.dumps({"Jitney": outputs | {"AuditTable": "audit"}}))

    def put(self, pk: str, sk: str, at: int, **members: str) -> None:
        record = record_attribute(members.pop("record")) if "record" in members else {}
        item = {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **members}.items()} | record
        expires = {"N": str(at + (CALL_RETENTION_SECONDS if "line" in members else RECORD_RETENTION_SECONDS))}
        self.dynamodb.put_item(TableName="audit", Item=item | {"expires": expires})

    def send(self, queue: str, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=body)

    def left(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls[queue], AttributeNames=names)["Attributes"]
        return sum(int(each) for each in found.values())

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        refused = min(self.refusing, len(Records))
        self.refusing -= refused
        self.taken[DeliveryStreamName] += [each["Data"].decode() for each in Records[refused:]]
        return {"RequestResponses": [{"ErrorCode": "Slow"}] * refused + [{}] * (len(Records) - refused)}

    def run(self, *more: str) -> dict[str, Any]:
        result = invoke(["audit", "redrive", "--stack", str(self.stack), "--json", *more])
        return json.loads(result.stdout) | {"exit": result.exit_code}


@pytest.fixture
def stuck(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        made = Stuck(home)

        class Stream(redrive.DeliveryStream):
            def __init__(self, _: Any, name: str) -> None:
                super().__init__(SimpleNamespace(put_record_batch=made.put_record_batch), name)

        monkeypatch.setattr(redrive, "DeliveryStream", Stream)
        yield made


def test_aud_06_events_go_back_to_their_queue(stuck: Stuck):
    for number in range(23):
        stuck.send("dead", f"event {number}")
    document = stuck.run()
    assert (document["trail_events"], document["exit"]) == (23, 0)
    assert (stuck.left("dead"), stuck.left("trail")) == (0, 23)


def test_aud_06_a_dead_letters_time_range_is_published_again(stuck: Stuck):
    for link in CHAIN[:2]:
        stuck.put("g-a", sort_key(link.seq), NOW - 3600, record=link.text)
    stuck.put("g-a", sort_key(2), NOW - 7 * 3600, record=CHAIN[2].text)
    correlator = Correlator(GRANT)
    correlator.take_in(assume_role_event(1), call_event(2))
    for (pk, sk), item in correlator.table.items.items():
        members = {name: value["S"] for name, value in item.items() if name not in ("pk", "sk", "expires")}
        stuck.put(pk, sk, NOW - 5 * 3600, **members)
    stuck.send("letters", letter(NOW - 3610, NOW - 3590))
    stuck.send("letters", letter(NOW - 5 * 3600, NOW - 5 * 3600))
    document = stuck.run()
    assert document == {
        "trail_events": 0, "dead_letters": 2, "records": 2, "calls": 2, "misplaced": 0, "unreadable": 0, "too_old": 0,
        "in_flight": 0, "exit": 0,
    }  # fmt: skip
    assert stuck.taken["jitney-records"] == [f"{link.text}\n" for link in CHAIN[:2]]
    assert len(stuck.taken["jitney-calls"]) == 2
    assert stuck.left("letters") == 0


def test_aud_06_all_of_some_days_is_published_again(stuck: Stuck):
    day = f"{datetime.fromtimestamp(NOW - 5 * 86400, UTC):%Y-%m-%d}"
    for link, days in zip(CHAIN, (6, 5, 4), strict=True):
        stuck.put("g-a", sort_key(link.seq), NOW - days * 86400, record=link.text)
    assert stuck.run("--since", day, "--until", day)["records"] == 1
    assert stuck.run("--since", day)["records"] == 2
    assert stuck.run("--until", day)["code"] == "usage"


def test_aud_09_a_record_that_would_count_as_forged_is_not_published(stuck: Stuck):
    for link, seconds in zip(CHAIN, (95 * 86400, 96 * 86400 + 60, 98 * 86400), strict=True):
        stuck.put("g-a", sort_key(link.seq), int(time.time()) - seconds, record=link.text)
    document = stuck.run("--since", "2026-01-01")
    assert (document["records"], document["too_old"], document["exit"]) == (1, 2, 2)
    assert stuck.taken["jitney-records"] == [f"{CHAIN[0].text}\n"]
    result = invoke(["audit", "redrive", "--stack", str(stuck.stack), "--since", "2026-01-01"])
    assert "2 records: only those of the last 96 days are published" in " ".join(
        (result.stdout + result.stderr).split()
    )


def test_aud_02_an_item_that_does_not_match_its_key_is_skipped_and_counted(stuck: Stuck):
    stuck.put("g-b", sort_key(0), NOW, record=CHAIN[0].text)
    stuck.put("g-a", sort_key(1), NOW, record=CHAIN[1].text)
    stuck.put("g-a", sort_key(2), NOW, record=CHAIN[2].text, line="{}")  # the publisher does not publish it either
    stuck.send("letters", letter(NOW, NOW))
    document = stuck.run()
    assert (document["records"], document["misplaced"], document["exit"]) == (1, 2, 2)


def test_aud_02_an_item_with_an_expiry_that_no_function_writes_is_counted_and_stops_nothing(stuck: Stuck):
    stuck.put("g-a", sort_key(0), NOW, record=CHAIN[0].text)
    stuck.put("g-a", sort_key(1), NOW, record=CHAIN[1].text)
    odd = {"pk": {"S": "g-a"}, "sk": {"S": sort_key(1)}, "expires": {"N": f"{NOW + RECORD_RETENTION_SECONDS}.5"}}
    stuck.dynamodb.put_item(TableName="audit", Item=odd | record_attribute(CHAIN[1].text))
    stuck.send("letters", letter(NOW, NOW))
    document = stuck.run()
    assert (document["records"], document["misplaced"], document["exit"]) == (1, 1, 2)


def test_aud_06_an_unreadable_dead_letter_stays_and_is_counted(stuck: Stuck):
    stuck.send("letters", '{"DDBStreamBatchInfo": 7}')
    document = stuck.run()
    assert (document["unreadable"], document["exit"]) == (1, 2)
    assert stuck.left("letters") == 1


def test_aud_06_refused_lines_are_put_again_and_the_letter_stays_until_then(stuck: Stuck):
    stuck.put("g-a", sort_key(0), NOW, record=CHAIN[0].text)
    stuck.send("letters", letter(NOW, NOW))
    paused: list[float] = []
    run = Redrive(resources_of(stuck.stack), lambda *_: None, NOW, paused.append)
    stuck.refusing = 5
    with pytest.raises(Unavailable, match="items of a batch: 1"):
        run.published()
    assert stuck.left("letters") == 1
    stuck.refusing = 2
    run.published(Period(NOW - 60, NOW + 60))
    assert paused == [2, 4, 8, 16, 2, 4]
    assert len(stuck.taken["jitney-records"]) == 1


def test_aud_06_a_run_after_a_failed_one_gets_its_letters(stuck: Stuck):
    stuck.put("g-a", sort_key(0), NOW, record=CHAIN[0].text)
    stuck.send("letters", letter(NOW, NOW))
    stuck.send("letters", "?")
    for number in range(12):
        stuck.send("dead", str(number))
    resources = resources_of(stuck.stack)
    stuck.refusing = 99
    with pytest.raises(Unavailable):
        Redrive(resources, lambda *_: None, NOW, lambda _: None).run(None)
    stuck.refusing = 0
    document = stuck.run()
    assert (document["records"], document["dead_letters"], document["unreadable"]) == (1, 1, 1)
    assert (document["in_flight"], document["exit"]) == (0, 2)
    assert stuck.run()["unreadable"] == 1


def test_aud_06_letters_of_a_run_that_was_killed_are_counted_as_in_flight(stuck: Stuck):
    stuck.send("letters", letter(NOW, NOW))
    stuck.sqs.receive_message(QueueUrl=stuck.urls["letters"], VisibilityTimeout=900)
    document = stuck.run()
    assert (document["in_flight"], document["dead_letters"], document["exit"]) == (1, 0, 2)
    shown = invoke(["audit", "redrive", "--stack", str(stuck.stack)]).stdout
    assert "in flight 1 dead letter, received by another run or by one that was killed" in shown
    assert "repeat the command after 15 minutes" in shown


@pytest.mark.parametrize("body", ["", "[]", "{}", "[" * 1000, letter(0, 0).replace("T", "?"), "7"])
def test_aud_06_a_message_of_another_form_has_no_time_range(body: str):
    assert period_of(body) is None


def test_aud_06_unreadable_dead_letters_are_printed(stuck: Stuck):
    stuck.put("g-a", sort_key(0), NOW, record=CHAIN[0].text)
    stuck.send("letters", letter(NOW, NOW))
    stuck.send("letters", "?")
    result = invoke(["audit", "redrive", "--stack", str(stuck.stack)])
    assert (result.exit_code, result.stdout.splitlines()) == (
        2,
        [
            "Incomplete  redrive of dead letters",
            "  events    0 CloudTrail events sent back to the queue",
            "  published 1 record and 0 calls again, for 1 dead letter",
            "  left      1 unreadable dead letter",
        ],
    )
