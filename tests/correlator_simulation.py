"""Simulates CloudTrail's events on their way to Athena, with everything that SQS, Lambda and Firehose may do.

Several processes of the correlator work at once on batches of a queue. The queue delivers late, twice and in any order.
A publisher reads the table's stream. At each call of an adapter, another process may continue, the call may fail, or
the process may die, before the call takes effect or after it. A seed determines all of this. No clock is involved.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from botocore.exceptions import EndpointConnectionError

from jitney.adapters.delivery_streams import DeliveryStream
from jitney.adapters.record_items import record_in
from jitney.adapters.trail import Trail, TrailQueue
from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.handlers import correlator, publisher
from jitney.handlers.runtime.ports import Ports
from tests.cloudtrail_events import (
    ACCOUNT,
    GRANT_SCOPE,
    ISSUERS,
    MASKS,
    MemoryTable,
    assume_role_event,
    call_event,
    delivered,
    forwarded_event,
    identity,
    scoped,
)
from tests.fakes import GRANT, NOW, ROLE_ARN, MemoryMaskKeys, MemoryStore
from tests.stream_images import stream_image

ADMIN = "AROAADMINAAAAAAAAAAAA"
KEYS = [f"ASIAAAAAAAAAAAA{number:05d}" for number in range(40)]
PROCESSES = 3
RATE = 0.001
"""How often something fails before or after a call of an adapter. Most batches must succeed."""
MANY = [replace(GRANT, id=f"g-aaaaaaaaa{letter * 5}") for letter in "abcdefghij"]
UNKNOWN, FORGED = ("unknown_session_name",), ("not_issued_by_jitney",)
UNISSUED, LATE = ("key_not_issued",), ("after_the_end",)
BEYOND = ("action_not_granted",)


@dataclass(frozen=True)
class World:
    """Events, and the expected verdict on each: its reasons, or () if a grant explains it."""

    events: list[dict[str, Any]]
    reasons: dict[str, tuple[str, ...]]


def world(count: int) -> World:
    """Return the events of ten grants with four keys each, and of intruders.

    One key of each grant is scoped down from another one. One key was never issued.
    """
    made: list[tuple[dict[str, Any], tuple[str, ...]]] = []
    for number, grant in enumerate(MANY):
        first, second, last, _ = KEYS[4 * number : 4 * number + 4]
        made.append((assume_role_event(10 * number, key=first, session=grant.id), ()))
        made.append((assume_role_event(10 * number + 1, key=second, session=grant.id), ()))
        narrower = scoped(10 * number + 2, key=first, to=last)
        made.append((narrower | {"userIdentity": identity(session=grant.id, key=first)}, ()))
    made.append((assume_role_event(998, by=ADMIN, key=KEYS[3], session=MANY[0].id), FORGED))
    chance = random.Random(7)
    made += [_call(number, chance) for number in range(1000, 1000 + count - len(made))]
    return World([event for event, _ in made], {id_of(event): reasons for event, reasons in made})


def _call(number: int, chance: random.Random) -> tuple[dict[str, Any], tuple[str, ...]]:
    place, at = chance.randrange(len(KEYS)), NOW + chance.randrange(400)
    session = "admin" if place == 7 else MANY[place // 4].id
    denied = {"errorCode": "AccessDenied"} if chance.random() < 0.1 else {}
    wide = {"eventSource": "iam.amazonaws.com", "eventName": "CreateUser"} if number % 10 == 0 else {}
    event = call_event(number, at=at, who=identity(session=session, key=KEYS[place]), **denied, **wide)
    if session == "admin":
        return event, UNKNOWN
    if at > GRANT.expires_at + 60 and not denied:
        return event, LATE
    if place % 4 == 3:
        return event, FORGED if place == 3 else UNISSUED
    return event, BEYOND if wide and not denied else ()


def id_of(event: dict[str, Any]) -> str:
    """Return the id that all copies of an event have."""
    return str(event.get("sharedEventID") or event["eventID"])


class Crash(BaseException):
    """The process has died."""


@dataclass
class FailureSchedule:
    """What happens at the calls of adapters. Without `chance`, nothing does."""

    chance: random.Random | None
    turns: "Interleaving" = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Interleaving(self.chance or random.Random(0))

    @contextmanager
    def at(self, failure: Callable[[], Exception]) -> Iterator[None]:
        """Possibly fail around a call, which took effect or did not."""
        self._strike(failure)
        yield
        self._strike(failure)

    def _strike(self, failure: Callable[[], Exception]) -> None:
        if self.chance is None:
            return
        self.turns.perhaps_another()
        fate = self.chance.random()
        if fate < RATE / 4:
            raise Crash
        if fate < RATE:
            raise failure()


class Interleaving:
    """Runs jobs in threads, one at a time. At each call of an adapter, chance decides which job continues."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._back = threading.Semaphore(0)
        self._left: list[threading.Semaphore] = []
        self._running: threading.Semaphore | None = None

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run until all jobs are done."""
        self._left = [threading.Semaphore(0) for _ in jobs]
        threads = [threading.Thread(target=self._job, args=each) for each in zip(self._left, jobs, strict=True)]
        for thread in threads:
            thread.start()
        while self._left:
            self._running = self._chance.choice(self._left)
            self._running.release()
            self._back.acquire()
        for thread in threads:
            thread.join()
        self._running = None

    def perhaps_another(self) -> None:
        """Sometimes let another job continue, until it is this job's turn again."""
        mine = self._running
        if mine and self._chance.random() < 0.2:
            self._back.release()
            mine.acquire()

    def _job(self, gate: threading.Semaphore, job: Callable[[], None]) -> None:
        gate.acquire()
        try:
            job()
        finally:
            self._left.remove(gate)
            self._back.release()


def _unreachable() -> Exception:
    return EndpointConnectionError(endpoint_url="https://aws.invalid")


def _unavailable() -> Exception:
    return Problem("unavailable", "Something did not answer as it should.", "Try again in a moment.")


@dataclass
class Table(MemoryTable):
    """The audit table with its stream."""

    fates: FailureSchedule = field(default_factory=lambda: FailureSchedule(None))
    stream: list[dict[str, Any]] = field(default_factory=list)

    def put_item(self, **asked: Any) -> None:
        item = asked["Item"]
        with self.fates.at(_unreachable):
            kind = "MODIFY" if (item["pk"]["S"], item["sk"]["S"]) in self.items else "INSERT"
            super().put_item(**asked)
            change = {
                "SequenceNumber": str(len(self.stream)),
                "ApproximateCreationDateTime": NOW,
                "Keys": {key: item[key] for key in ("pk", "sk")},
            }
            self.stream.append({"eventName": kind, "dynamodb": change | {"NewImage": stream_image(item)}})

    def get_item(self, **asked: Any) -> dict[str, Any]:
        with self.fates.at(_unreachable):
            return super().get_item(**asked)

    def query(self, **asked: Any) -> dict[str, Any]:
        with self.fates.at(_unreachable):
            return {"Items": list(super().query(**asked)["Items"])}


@dataclass
class Store(MemoryStore):
    """The grants. Their store fails in the same ways."""

    fates: FailureSchedule = field(default_factory=lambda: FailureSchedule(None))

    def grant(self, grant_id: str) -> Grant | None:
        with self.fates.at(_unavailable):
            return super().grant(grant_id)


@dataclass
class Queue:
    """SQS.

    Messages that are `ready` are delivered in any order; delayed ones when their time (epoch seconds) has come.
    """

    fates: FailureSchedule
    now: int = NOW + 600
    ready: list[str] = field(default_factory=list)
    delayed: list[tuple[int, str]] = field(default_factory=list)

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        DelaySeconds: int,  # noqa: N803
        MessageGroupId: str,  # noqa: N803
    ) -> None:
        assert QueueUrl == "queue"
        assert MessageGroupId
        with self.fates.at(_unreachable):
            self.delayed.append((self.now + DelaySeconds, MessageBody))

    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        self.ready += [body for due, body in self.delayed if due <= self.now]
        self.delayed = [(due, body) for due, body in self.delayed if due > self.now]


@dataclass
class Firehose:
    """Accepts all lines of a batch, or some."""

    fates: FailureSchedule
    lines: list[str] = field(default_factory=list)

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        assert DeliveryStreamName == "lines"
        chance, answers = self.fates.chance, []
        with self.fates.at(_unreachable):
            for each in Records:
                refused = chance is not None and chance.random() < 0.01
                answers.append({"ErrorCode": "ServiceUnavailableException"} if refused else {"RecordId": "x"})
                self.lines += [] if refused else [each["Data"].decode()]
        return {"RequestResponses": answers}


class System:
    """Everything from the queue to what Firehose wrote. Without chance, all succeeds in order."""

    def __init__(self, chance: random.Random | None) -> None:
        self.chance = chance
        self.fates = FailureSchedule(chance)
        self.table = Table(fates=self.fates)
        self.store = Store(grants={each.id: each for each in MANY}, fates=self.fates)
        self.queue = Queue(self.fates)
        self.published = {"record": Firehose(self.fates), "line": Firehose(self.fates)}
        self.processes = [self.process() for _ in range(PROCESSES)]
        self._read = 0

    def process(self) -> Ports:
        """Return a new process of any function."""
        return Ports(
            store=self.store,
            trail=Trail(self.table, "audit"),  # type: ignore[arg-type]
            trail_queue=TrailQueue(self.queue, "queue", lambda: self.queue.now),
            mask_keys=MemoryMaskKeys(),
            masks=MASKS,
            grant_scope=GRANT_SCOPE,
            sealed_roles=frozenset(),
            issuing_roles=ISSUERS,
            stopwatch=lambda: 0,
            target_roles={ROLE_ARN: ACCOUNT},
            target_aliases={ROLE_ARN: "analytics-prod"},
            revokers={},
            records_stream=DeliveryStream(self.published["record"], "lines"),  # type: ignore[arg-type]
            calls_stream=DeliveryStream(self.published["line"], "lines"),  # type: ignore[arg-type]
            now=lambda: self.queue.now,
        )

    def take_in(self, events: Sequence[dict[str, Any]]) -> None:
        """Process all events, judge again what must be judged again, and publish everything."""
        chance = self.chance
        copies = [event for event in events for _ in range(chance.choice((1, 1, 1, 2)) if chance else 1)]
        self.queue.ready = [forwarded_event(event) for event in copies]
        while self.queue.ready or self.queue.delayed:
            if not self.queue.ready:
                self.queue.pass_time(min(due for due, _ in self.queue.delayed) - self.queue.now)
            self._deliver()
            self._publish()
        while self._read < len(self.table.stream):
            self._publish()

    def _deliver(self) -> None:
        """Let several processes take a batch each."""
        if self.chance is None:
            batch, self.queue.ready = self.queue.ready, []
            self._work(0, batch)
            return
        self.chance.shuffle(self.queue.ready)
        jobs = []
        for number in range(PROCESSES):
            size = self.chance.randrange(1, 100)
            batch, self.queue.ready = self.queue.ready[:size], self.queue.ready[size:]
            jobs += [partial(self._work, number, batch)] if batch else []
        self.fates.turns.run(jobs)
        self.queue.pass_time(self.chance.choice((0, 0, 60, 900)))

    def _work(self, number: int, batch: list[str]) -> None:
        try:
            answer = correlator.receive(delivered(batch), self.processes[number])
        except Crash:
            self.processes[number] = self.process()
            self.queue.ready += batch
        else:
            self.queue.ready += [batch[int(each["itemIdentifier"])] for each in answer["batchItemFailures"]]

    def _publish(self) -> None:
        """Publish one batch of the stream as Lambda reads it: again from the first failed record on."""
        size = self.chance.randrange(1, 1000) if self.chance else len(self.table.stream)
        batch = self.table.stream[self._read : self._read + size]
        try:
            failed = publisher.publish({"Records": batch}, self.process())["batchItemFailures"]
        except (Crash, EndpointConnectionError):
            return
        self._read = min([int(each["itemIdentifier"]) for each in failed], default=self._read + len(batch))


@dataclass(frozen=True)
class End:
    """The result of a simulation: each event's line in Athena, and the notifications of bypasses.

    `issued` are the keys with a known origin. `notified` are sessions, keys and reasons.
    """

    lines: dict[str, dict[str, Any]]
    issued: frozenset[str]
    notified: frozenset[tuple[str, str, tuple[str, ...]]]


def end_of(system: System) -> End:
    """Return the result. What was published and what is in the table must agree."""
    assert {each["eventName"] for each in system.table.stream} == {"INSERT"}
    lines = _seen(system.published["line"].lines)
    assert lines == _seen([item["line"]["S"] for item in system.table.items.values() if "line" in item])
    issued = frozenset(json.loads(item["issue"]["S"])[3] for item in system.table.items.values() if "issue" in item)
    records = {text.strip() for text in system.published["record"].lines}
    assert records == {record_in(item) for item in system.table.items.values() if "record" in item}
    details = [json.loads(json.loads(text)["detail"]) for text in records]
    notified = frozenset((each["session"], each["access_key_id"], tuple(each["reasons"])) for each in details)
    return End(lines, issued, notified)


def _seen(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return each event's line as queries see it: once, and with the final verdict if there is one."""
    found: dict[str, dict[str, Any]] = {}
    for line in map(json.loads, texts):
        known = found.get(line["event_id"])
        if known is None or known["reasons"] == list(UNISSUED):
            found[line["event_id"]] = line | {"correlated_at": ""}
    return found
