"""The life of records: their stores, the functions between them, and an attacker, with a model beside them."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import EndpointConnectionError

from jitney.adapters.delivery_streams import DeliveryStream
from jitney.adapters.published_records import PublishedRecords
from jitney.adapters.record_items import record_attribute
from jitney.adapters.seals import Seals
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.client.audit.audit_table import AuditTable
from jitney.client.audit.evidence import Archive
from jitney.client.audit.redrive import Period, Redrive, RedriveResources
from jitney.client.audit.table_comparison import with_table
from jitney.core.integrity.findings import VerificationResult
from jitney.core.integrity.seals import next_seal, read_seal, seal_key
from jitney.core.integrity.verification import verify
from jitney.core.problems import Problem
from jitney.core.records.audit import GENESIS_HASH, AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.records.chain_numbers import sort_key
from jitney.core.times import epoch, utc_date
from jitney.handlers import publisher, sealer
from jitney.handlers.runtime.ports import Ports
from tests.client.integrity_model import DAY, HOUR, NotedSeal, Truth, Written, check_findings, day_of, position_of
from tests.client.record_stores import FakeFirehose, FakeKms, FakeS3, FakeTable
from tests.core.integrity.world import SIGNER, STRANGER, rewritten
from tests.fakes import NOW

CHAINS = ("g-a", "g-b", "r-c")
KEYS = {SIGNER.fingerprint: SIGNER.key.public_key()}
CLIENTS: dict[str, Any] = {}
NO_LETTERS = SimpleNamespace(receive_message=lambda **_: {})
RESOURCES = RedriveResources("audit", *[""] * 3)


class RecordLives:
    """The stores and the functions, from the write of a record to its verification."""

    def __init__(self) -> None:
        self.now = NOW
        self.clocks = {"writer": 0, "sealer": 0}
        self.sealing, self.gave_up, self.checks, self.objects = True, False, 0, 0
        clock = lambda: self.now  # noqa: E731 - three fakes share it
        self.s3, self.table, self.firehose = FakeS3(clock), FakeTable(clock), FakeFirehose(clock)
        self.truth = Truth()
        CLIENTS.update(
            s3=self.s3, dynamodb=self.table, dynamodbstreams=self.table, firehose=self.firehose, sqs=NO_LETTERS
        )

    # What happens to an honest system.

    def write(self, chain: str, count: int) -> None:
        for _ in range(count):
            number = sum(name == chain for name, _ in self.truth.written)
            before = json.loads(self.truth.written[chain, number - 1].text)["hash"] if number else GENESIS_HASH
            at = self.now + self.clocks["writer"]
            record = AuditRecord(at, AuditEvent.REQUEST, Outcome.ALLOWED, reason=f"reason {number}")
            link = chain_record(record, chain, number, before)
            expires = {"expires": {"N": str(at + RECORD_RETENTION_SECONDS)}}
            key = {"pk": {"S": chain}, "sk": {"S": sort_key(number)}}
            self.table.put(key | expires | record_attribute(link.text))
            self.truth.written[chain, number] = Written(link.text, at, self.now)

    def publish(self, count: int, refused: tuple[int, ...], *, killed: bool) -> None:
        """Let Lambda send a batch to the publisher. It sends again what the publisher did not finish."""
        batch = self.table.changes[:count]
        self.firehose.refusing, self.firehose.lost = frozenset(refused), killed
        streams = {f"{name}_stream": DeliveryStream(self.firehose, name) for name in ("records", "calls")}
        try:
            answer = publisher.publish({"Records": batch}, Ports(**streams, now=lambda: self.now))
        except EndpointConnectionError:
            return
        finally:
            self.firehose.refusing, self.firehose.lost = frozenset(), False
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
        done = min((numbers.index(each) for each in failed), default=len(batch))
        self.table.changes = self.table.changes[done:]

    def give_up(self, count: int) -> None:
        """Let Lambda write a dead letter about a batch. A redrive is due."""
        self.gave_up = self.gave_up or bool(self.table.changes[:count])
        self.table.changes = self.table.changes[count:]

    def work(self, chain: str, refused: tuple[int, ...], *, together: bool) -> None:
        """Write two records that arrive in S3 at once, in one object or in two. Firehose may refuse some first."""
        for _ in range(2):
            self.write(chain, 1)
            self.publish(10, refused, killed=False)
            self.publish(10, (), killed=False)
            if not together:
                self.deliver(None, newest=False)
        self.deliver(None, newest=False)

    def deliver(self, count: int | None, *, newest: bool) -> None:
        """Let Firehose write its lines, of each day of arrival, into an object. A retry may be a day later."""
        for day, body in self.firehose.taken(count, newest=newest).items():
            self.objects += 1
            name = f"jitney-records-{self.objects:04d}"
            self.s3.put_object(Bucket="records", Key=f"records/dt={day}/{name}", Body=body)

    def wait(self, seconds: int) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, (self.now // HOUR + 1) * HOUR)
            if self.firehose.lines and self.firehose.lines[0][0] < self.now - 20 * HOUR:
                self.deliver(None, newest=False)
            if self.now % HOUR == 0 and self.sealing:
                self.seal("")

    def wait_until_midnight(self, before: int) -> None:
        self.wait((self.now // DAY + 1) * DAY - before - self.now)

    def seal(self, fault: str) -> None:
        """Run the sealer. S3 may fail before its write, or after it."""
        seals = Seals(self.s3, FakeKms(), "seals", "key")  # type: ignore[arg-type]
        published = PublishedRecords(self.s3, "records")  # type: ignore[arg-type]
        known = set(self.s3.current("seals"))
        self.s3.fault = fault
        try:
            sealer.seal({}, Ports(seals=seals, published=published, now=lambda: self.now + self.clocks["sealer"]))
        except Problem:
            assert fault or self.truth.bad_seals
        except ValueError:
            assert self.truth.bad_seals
        finally:
            self.s3.fault = ""
        for key in sorted(set(self.s3.current("seals")) - known):
            if key.startswith("seals/"):
                self.note(key)

    def note(self, key: str) -> None:
        made = read_seal(self.s3.buckets["seals"][key][-1].body or b"").seal
        if len(self.s3.buckets["seals"][key]) > 1:
            return  # Object Lock keeps the first version, which a person hid
        objects = self.s3.current()
        assert {each.key for each in made.objects} == self.truth.covered_by_next(objects, made.time)
        self.truth.note_seal(made.number, made.time, {each.key: objects[each.key] for each in made.objects})

    def stop_sealing(self, *, stopped: bool) -> None:
        self.sealing = not stopped

    def set_clock(self, function: str, seconds: int) -> None:
        self.clocks[function] = seconds

    def redrive(self, hours: int) -> None:
        run = Redrive(RESOURCES, lambda *_: None, self.now, lambda _: None)
        run.published(Period(self.now - hours * HOUR, self.now + 2 * HOUR))

    def settle(self) -> None:
        """Repair everything as the runbooks say. Then every record of an honest system is sealed and verified."""
        self.sealing, self.clocks = True, {"writer": 0, "sealer": 0}
        self.publish(len(self.table.changes), (), killed=False)
        if self.gave_up:
            self.redrive(40 * 24)
        self.deliver(None, newest=False)
        self.wait(4 * HOUR)
        if self.truth.written:
            found = self.findings()
            assert (found.verdict, found.breaks) == (VerificationResult.VERIFIED, ())
            assert {(chain, seq) for chain, seq in self.truth.written} == {
                (place.chain, place.seq) for seal in sealed_records(self) for place, _ in seal
            }

    def findings(self, since: int | None = None, until: int | None = None, most_read: int | None = None) -> Any:
        """Verify the days from `since` to `until`, in days before today."""
        first, last = (None if each is None else utc_date(self.now) - timedelta(days=each) for each in (since, until))
        archive = Archive("records", "seals", lambda *_: None)
        evidence = archive.evidence((first, last), self.now, KEYS, most_read)
        return verify(with_table(evidence, archive, AuditTable("audit"), most_read))

    def check(self) -> None:
        """Compare a verification with the model. Every other one reads less, or finds an object unreadable."""
        self.checks += 1
        expected = self.truth.expected(self.s3.current(), self.now)
        check_findings(self.findings(), expected, everything=True)
        if self.checks % 2:
            since, until, most_read = PERIODS[self.checks // 2 % len(PERIODS)]
            check_findings(self.findings(since, until, most_read), expected, everything=False)
            return
        unsealed = [each for each in self.s3.current() if each not in self.truth.covering]
        names = (self.checks % 4 == 0 and unsealed) or [
            *self.s3.current(),
            *(each for each in self.s3.current("seals") if each.startswith("seals/")),
        ]
        if names:
            self.s3.unreadable = frozenset({names[self.checks % len(names)]})
            found = self.findings()
            self.s3.unreadable = frozenset()
            check_findings(found, expected, everything=False)
            assert found.verdict is not VerificationResult.VERIFIED


class AttackedLives(RecordLives):
    """The same, with a person who can write to one store or the other."""

    def pick(self, number: int) -> str:
        keys = sorted(self.s3.current())
        return keys[number % len(keys)] if keys else ""

    def change(self, number: int, line: int, how: str) -> None:
        if key := self.pick(number):
            lines = self.s3.current()[key].splitlines()
            if lines and position_of(lines[line % len(lines)]):
                self.put(key, CHANGES[how](lines, line % len(lines)))

    def put(self, key: str, lines: list[bytes]) -> None:
        self.s3.put_object(Bucket="records", Key=key, Body=b"".join(each + b"\n" for each in lines))

    def forge(self, chain: str, days: int) -> None:
        """Add a record at the end of a chain, or in a new one, to the folder of some day."""
        number = sum(name == chain for name, _ in self.truth.written)
        record = AuditRecord(self.now, AuditEvent.REQUEST, Outcome.ALLOWED, reason="forged")
        before = json.loads(self.truth.written[chain, number - 1].text)["hash"] if number else GENESIS_HASH
        link = chain_record(record, chain, number, before)
        self.objects += 1
        self.put(f"records/dt={utc_date(self.now + days * DAY)}/x-{self.objects}", [link.text.encode()])

    def copy(self, number: int, line: int) -> None:
        """Add a copy of a record, which S3 lists first."""
        if (key := self.pick(number)) and (lines := self.s3.current()[key].splitlines()):
            self.put(f"records/dt={utc_date(self.now)}/0-{number}", [lines[line % len(lines)]])

    def erase(self, number: int, *, hidden: bool) -> None:
        if key := self.pick(number):
            if hidden:
                self.s3.hide_object("records", key)
            else:
                self.s3.erase_object(key)

    def move(self, number: int, days: int, name: str) -> None:
        if (key := self.pick(number)) and (day := day_of(key)):
            body = self.s3.current()[key]
            self.s3.hide_object("records", key)
            self.objects += 1
            moved = f"records/dt={day + timedelta(days=days)}/{name}moved-{self.objects}"
            self.s3.put_object(Bucket="records", Key=moved, Body=body)

    def alter_table(self, number: int, *, deleted: bool) -> None:
        if self.table.items:
            key = sorted(self.table.items)[number % len(self.table.items)]
            self.truth.altered.add((key[0], int(key[1])))
            if deleted:
                self.table.delete(key)
            else:
                self.table.put(self.table.items[key] | record_attribute("{}"))

    def alter_seal(self, number: int, how: str) -> None:
        """Hide an earlier seal, replace any, or add an unsigned one."""
        keys = sorted(each for each in self.s3.current("seals") if each.startswith("seals/"))
        key = (keys[:-1] if how == "hide" else keys)[number % max(1, len(keys) - 1) :][:1]
        if not key:
            return
        made = read_seal(self.s3.buckets["seals"][keys[-1]][0].body or b"").seal
        if how == "forge":
            forged = next_seal(made, [], SIGNER.fingerprint, max(self.now, epoch(made.time)))
            body = STRANGER.sign(forged).text.encode()
            self.s3.put_object(Bucket="seals", Key=seal_key(forged.number), Body=body)
            self.truth.seals.append(NotedSeal(forged.number, forged.time, genuine=False))
        elif how == "hide":
            self.s3.hide_object("seals", key[0])
        else:
            self.s3.put_object(Bucket="seals", Key=key[0], Body=b"{}")
        self.truth.bad_seals.add(made.number + 1 if how == "forge" else int(key[0][6:16]))


CHANGES: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "rewrite": lambda lines, at: [*lines[:at], rewritten(lines[at], rehash=False, reason="x"), *lines[at + 1 :]],
    "hash": lambda lines, at: [*lines[:at], rewritten(lines[at], rehash=True, reason="x"), *lines[at + 1 :]],
    "remove": lambda lines, at: lines[:at] + lines[at + 1 :],
    "repeat": lambda lines, at: [*lines, lines[at]],
    "reverse": lambda lines, _: lines[::-1],
    "junk": lambda lines, _: [*lines, b"junk"],
}


PERIODS = ((1, None, None), (0, None, None), (None, 1, None), (1, 0, None), (2, 1, None), (None, None, 0), (1, None, 0))


def sealed_records(life: RecordLives) -> Any:
    """Return the records in each object of each seal."""
    bodies = life.s3.current("seals").items()
    for body in (body for key, body in bodies if key.startswith("seals/")):
        yield from (each.records for each in read_seal(body).seal.objects)
