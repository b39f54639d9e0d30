"""Redrives dead letters, for `jitney audit redrive`. The records and calls in S3 become complete again.

CloudTrail events go back to their queue. A dead letter of the publisher contains only a time range. The records and
calls of that range are read from the audit table and published again. The views remove duplicates.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html

Needs the extra `audit`.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jitney.adapters.delivery_streams import DeliveryStream
from jitney.adapters.record_items import record_in
from jitney.adapters.trail import retention_of, written_at
from jitney.client.audit.aws import AGAIN, aws_clients, code_of, explaining, fix_of
from jitney.client.audit.record_lines import ReadingProgress
from jitney.client.audit.stack_file import read_stack_file
from jitney.client.problems import Unavailable
from jitney.core.integrity.publishable_items import call_line_at, record_at
from jitney.core.integrity.sealed_objects import PUBLISHED_WITHIN

STREAMS = {"record": ("jitney-records", record_at), "line": ("jitney-calls", call_line_at)}
"""For each attribute of items: the delivery stream, and the reader of the text that belongs to a key.

The publisher uses the same streams and readers.
"""
MARGIN_SECONDS = 120
"""How far an item's own time may differ from the time in the dead letter: twice a function's timeout."""
VISIBILITY_TIMEOUT_SECONDS = 900
"""How long other runs cannot receive a dead letter that a run received. A run that ends normally makes it shorter."""
AT_ONCE = 500
ATTEMPTS = 5
TITLE = "Not everything was redriven"
MESSAGE_GROUP = "redrive"
"""The messages' own group: the queue is fair to groups, so a redrive does not delay new events."""


class Period(NamedTuple):
    """A time range (epoch seconds)."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RedriveResources:
    """The audit table's name and the queues' URLs."""

    audit_table: str
    trail_queue: str
    trail_dead_letters: str
    dead_letters: str


@dataclass
class RedriveSummary:
    """The counts of a run.

    `misplaced` items do not match their keys, or have an expiry that no function writes. `unreadable` dead letters have
    an unknown form. `too_old` records would count as forged in S3. `in_flight` dead letters were hidden when the run
    began: another run works on them, or was killed.
    """

    trail_events: int = 0
    dead_letters: int = 0
    records: int = 0
    calls: int = 0
    misplaced: int = 0
    unreadable: int = 0
    too_old: int = 0
    in_flight: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything was redriven."""
        return not (self.misplaced or self.unreadable or self.too_old or self.in_flight)

    def document(self) -> dict[str, int]:
        """Return the summary as JSON."""
        return asdict(self)


def resources_of(stack: Path) -> RedriveResources:
    """Return the resources in the stack file. Raises Invalid."""
    with read_stack_file(stack, "dead-letter queues") as named:
        local, outputs = named
        queue = str(local.get("trail_queue") or outputs["TrailQueue"])
        base_url = queue.rpartition("/")[0]
        dead = [local.get("trail_dead_letters") or outputs["TrailDeadLetters"]]
        dead.append(local.get("dead_letters") or outputs["RecordDeadLetters"])
        table = (local.get("tables") or {}).get("audit") or outputs["AuditTable"]
        return RedriveResources(str(table), queue, *(f"{base_url}/{arn.rpartition(':')[2]}" for arn in dead))


class Redrive:
    """One run. Every method raises Unavailable if AWS refuses a request. `pause` waits for some seconds."""

    def __init__(
        self,
        resources: RedriveResources,
        progress: ReadingProgress,
        now: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.summary = RedriveSummary()
        self._resources, self._progress, self._pause = resources, progress, pause
        # Firehose may deliver a record on the next day.
        self._oldest = now - int((PUBLISHED_WITHIN - timedelta(days=1)).total_seconds())
        self._received: dict[str, str] = {}  # the queues of this run's letters, by receipt
        self._sqs, self._dynamodb, firehose = aws_clients("Nothing was redriven", "sqs", "dynamodb", "firehose")
        self._streams = {attribute: DeliveryStream(firehose, name) for attribute, (name, _) in STREAMS.items()}

    def run(self, more: Period | None) -> RedriveSummary:
        """Redrive everything, and publish the range `more`. Other runs can then receive the letters that are left."""
        dead = (self._resources.trail_dead_letters, self._resources.dead_letters)
        self.summary.in_flight = sum(map(self._in_flight, dead))
        try:
            self.events()
            self.published(more)
        finally:
            with suppress(ClientError, BotoCoreError):  # `in_flight` of the next run counts them
                for receipt, queue in self._received.items():
                    self._sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=0)
        return self.summary

    def events(self) -> None:
        """Send the trail's dead letters back to their queue."""
        for letter in self._letters(self._resources.trail_dead_letters):
            with _available("the trail's queue"):
                self._sqs.send_message(
                    QueueUrl=self._resources.trail_queue, MessageBody=letter["Body"], MessageGroupId=MESSAGE_GROUP
                )
            self._done(self._resources.trail_dead_letters, letter)
            self.summary.trail_events += 1
            self._progress("events", self.summary.trail_events, self.summary.trail_events)

    def published(self, more: Period | None = None) -> None:
        """Publish again what was written in the ranges of the publisher's dead letters, and in the range `more`."""
        letters = []
        periods = [more] if more else []
        for letter in self._letters(self._resources.dead_letters):
            period = period_of(letter["Body"])
            if period:
                letters.append(letter)
                periods.append(period)
            else:
                self.summary.unreadable += 1
        if periods:
            self._publish(periods)
        for letter in letters:
            self._done(self._resources.dead_letters, letter)
        self.summary.dead_letters = len(letters)

    def _publish(self, periods: Sequence[Period]) -> None:
        waiting: dict[str, list[str]] = {attribute: [] for attribute in STREAMS}
        for count, item in enumerate(self._items(periods), 1):
            attribute, *others = [each for each in STREAMS if each in item]
            text = record_in(item) if attribute == "record" else item[attribute].get("S", "")
            if not others and STREAMS[attribute][1](item["pk"]["S"], item["sk"]["S"], text):
                waiting[attribute].append(text)
            else:
                self.summary.misplaced += 1
            if len(waiting[attribute]) == AT_ONCE:
                self._put(attribute, waiting[attribute])
                waiting[attribute] = []
            self._progress("items of the audit table", count, count)
        for attribute, texts in waiting.items():
            self._put(attribute, texts)

    def _put(self, attribute: str, texts: Sequence[str]) -> None:
        left = list(texts)
        for attempt in range(ATTEMPTS):
            if not left:
                break
            if attempt:
                self._pause(2**attempt)
            with _available("Firehose"):
                left = [left[index] for index in self._streams[attribute].put(left)]
        if left:
            raise Unavailable("stream_unavailable", TITLE, f"Firehose refused items of a batch: {len(left)}.", AGAIN)
        if attribute == "record":
            self.summary.records += len(texts)
        else:
            self.summary.calls += len(texts)

    def _items(self, periods: Sequence[Period]) -> Iterator[dict[str, Any]]:
        """Yield the items that were written in one of the periods. Their expiry shows when they were written."""
        first, last = min(each.first for each in periods), max(each.last for each in periods)
        parts, values = [], {}
        for attribute in STREAMS:
            retention = retention_of([attribute])
            parts.append(f"(attribute_exists(#{attribute}) AND expires BETWEEN :{attribute}1 AND :{attribute}2)")
            values[f":{attribute}1"] = {"N": str(first + retention)}
            values[f":{attribute}2"] = {"N": str(last + retention)}
        with _available("the audit table"):
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._resources.audit_table,
                ConsistentRead=True,
                FilterExpression=" OR ".join(parts),
                ExpressionAttributeNames={f"#{attribute}": attribute for attribute in STREAMS},
                ExpressionAttributeValues=values,
            )
            for page in pages:
                for item in page["Items"]:
                    written = written_at(item)
                    if not written:
                        self.summary.misplaced += 1
                    if not any(each.first <= written <= each.last for each in periods):
                        continue
                    if "record" in item and written < self._oldest:
                        self.summary.too_old += 1
                    else:
                        yield item

    def _letters(self, queue: str) -> Iterator[dict[str, Any]]:
        while True:
            with _available("a dead-letter queue"):
                answer = self._sqs.receive_message(
                    QueueUrl=queue,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=VISIBILITY_TIMEOUT_SECONDS,
                    WaitTimeSeconds=1,
                )
            if not answer.get("Messages"):
                return
            self._received |= {each["ReceiptHandle"]: queue for each in answer["Messages"]}
            yield from answer["Messages"]

    def _done(self, queue: str, letter: dict[str, Any]) -> None:
        with _available("a dead-letter queue"):
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
        del self._received[letter["ReceiptHandle"]]

    def _in_flight(self, queue: str) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        with _available("a dead-letter queue"):
            answer = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        return int(answer["Attributes"][name])


def period_of(body: str) -> Period | None:
    """Return the time range in a stream's dead letter; None for other letters."""
    try:
        batch = json.loads(body)["DDBStreamBatchInfo"]
        first, last = (_seconds(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Period(first - MARGIN_SECONDS, last + MARGIN_SECONDS)


def _seconds(moment: str) -> int:
    return int(datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())


def _available(part: str) -> AbstractContextManager[None]:
    def refused(error: ClientError) -> Unavailable:
        code = code_of(error)
        fix = fix_of(code, f"{AGAIN} docs/redrive.md lists the permissions.")
        return Unavailable("redrive_unavailable", TITLE, f"AWS answered {code} to a request about {part}.", fix)

    return explaining(TITLE, refused)
