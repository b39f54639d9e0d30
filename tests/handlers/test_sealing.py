"""AUD 2: every hour a seal covers all new objects, each once, late and duplicate objects included."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from jitney.core.integrity.contents import Contents, read_contents
from jitney.core.integrity.object_names import day_of
from jitney.core.integrity.seal_chain import SealFile, check_seals
from jitney.core.integrity.seals import Seal, next_seal
from jitney.core.integrity.verification import Evidence, verify
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.times import iso
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.sealer import seal
from tests.core.integrity.world import SIGNER
from tests.fakes import NOW

HOUR, DAY = 3600, 86400


@dataclass
class MemorySeals:
    """`jitney.adapters.seals.Seals` in memory."""

    seals: list[Seal] = field(default_factory=list)
    read_numbers: list[int] = field(default_factory=list)
    beaten: bool = False

    def newest(self) -> Seal | None:
        return self.seals[-1] if self.seals else None

    def read(self, number: int) -> Seal:
        self.read_numbers.append(number)
        return self.seals[number]

    def signer(self) -> str:
        return SIGNER.fingerprint

    def add(self, seal: Seal) -> bool:
        if not self.beaten:
            assert seal.number == len(self.seals)
            self.seals.append(seal)
        return not self.beaten


@dataclass
class MemoryPublished:
    """`jitney.adapters.published_records.PublishedRecords` in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    broken: bool = False

    def keys(self, first: date | None, last: date) -> list[str]:
        return [key for key in self.objects if (first or date.min) <= (day_of(key) or last) <= last]

    def contents(self, key: str) -> Contents:
        if self.broken:
            raise Problem("unavailable", "broken", "")
        self.read.append(key)
        return read_contents(self.objects[key])

    def arrive(self, name: str, day: str = "2026-11-24", body: bytes = b"") -> str:
        key = f"records/dt={day}/{name}"
        record = chain_record(AuditRecord(NOW, AuditEvent.REFUSAL, Outcome.REFUSED), f"r-{name}")
        self.objects[key] = body or record.text.encode() + b"\n"
        return key


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jitney")
    return Ports(seals=MemorySeals(), published=MemoryPublished(), now=Clock())


def later(ports: Any, seconds: int = HOUR) -> dict[str, Any]:
    """A run after so many seconds."""
    ports.now.now += seconds
    return seal({}, ports)


def sealed(ports: Any) -> list[list[str]]:
    """The keys in each seal."""
    return [[each.key for each in made.objects] for made in ports.seals.seals]


def proven(ports: Any) -> None:
    files = tuple(SealFile(each.number, SIGNER.sign(each).text.encode()) for each in ports.seals.seals)
    contents = {key: read_contents(body) for key, body in ports.published.objects.items()}
    seals = check_seals(files, {SIGNER.fingerprint: SIGNER.key.public_key()}, whole=True)
    findings = verify(Evidence(seals, contents, now=ports.now()))
    assert findings.breaks == ()
    assert findings.extent.unsealed_objects == 0


def test_aud_02_the_first_seal_covers_everything(world):
    old, new = world.published.arrive("a", "2024-02-29"), world.published.arrive("b")
    assert seal({}, world) == {"seal": 0, "objects": 2}
    assert sealed(world) == [[old, new]]
    proven(world)


def test_aud_02_each_seal_covers_new_objects_and_an_empty_hour_has_a_seal(world):
    one = world.published.arrive("1")
    seal({}, world)
    assert later(world) == {"seal": 1, "objects": 0}
    two, three = world.published.arrive("2"), world.published.arrive("0")  # whose name sorts before what was sealed
    later(world)
    assert sealed(world) == [[one], [], [three, two]]
    assert [each.time for each in world.seals.seals] == [f"2026-11-24T{hour}:00:00Z" for hour in (12, 13, 14)]
    proven(world)


def test_aud_02_a_late_object_of_yesterday_is_in_the_next_seal(world):
    seal({}, world)
    later(world, 13 * HOUR)  # the 25th, 01:00
    late = world.published.arrive("late", "2026-11-24")
    later(world, 22 * HOUR)
    later_still = world.published.arrive("later", "2026-11-24")
    later(world)  # the 26th, 00:00; the day before its predecessor's is the 24th
    assert sealed(world) == [[], [], [late], [later_still]]
    proven(world)


def test_aud_02_after_an_outage_every_day_is_sealed(world):
    seal({}, world)
    missed = [world.published.arrive(str(day), f"2026-11-{day}") for day in (24, 25, 26, 27, 28)]
    later(world, 4 * DAY)
    assert sealed(world) == [[], missed]
    proven(world)


def test_aud_02_a_repeated_run_adds_nothing(world):
    world.published.arrive("1")
    seal({}, world)
    assert later(world, 60) == {"seal": 0, "objects": 0}
    assert len(world.seals.seals) == 1
    two = world.published.arrive("2")
    assert later(world, 60) == {"seal": 1, "objects": 1}
    assert sealed(world)[1] == [two]


def test_aud_02_one_of_two_parallel_runs_adds_a_seal(world, capsys):
    world.published.arrive("1")
    world.seals.beaten = True
    assert seal({}, world) == {"seal": 0, "objects": 0}
    assert world.seals.seals == []
    assert "AuditRecordsSealed" not in capsys.readouterr().out


def test_aud_02_a_run_reads_the_seals_of_two_days_and_no_object_twice(world):
    for number in range(80):
        world.published.arrive(str(number), iso(world.now())[:10])
        later(world)
    world.seals.read_numbers.clear()
    later(world)
    assert len(world.seals.read_numbers) <= 49
    assert len(world.published.read) == len(set(world.published.read)) == 80


def test_aud_02_an_unavailable_bucket_gets_no_seal(world):
    world.published.arrive("1")
    world.published.broken = True
    with pytest.raises(Problem):
        seal({}, world)
    assert world.seals.seals == []


def test_aud_02_seals_are_counted_and_invalid_lines_raise_the_alarm(world, capsys, caplog):
    body = chain_record(AuditRecord(NOW, AuditEvent.REFUSAL, Outcome.REFUSED, reason="as it was"), "r-x").text.encode()
    world.published.arrive("1", body=body.replace(b"as it was", b"otherwise") + b"\nno record\n")
    seal({}, world)
    printed = capsys.readouterr().out
    metrics = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    assert [line[name] for line in metrics for name in line if name.startswith("AuditRecords")] == [[2.0], [1.0]]
    assert all(line["service"] == "jitney" for line in metrics)
    (logged,) = (vars(line) for line in caplog.records if line.message == "records not intact")
    assert (logged["records"], logged["lines"]) == (["record 0 of r-x"], (2,))
    assert "otherwise" not in printed + str(logged)


def test_aud_02_the_first_seal_leaves_objects_of_the_next_day(world):
    """Firehose may begin the next day's folder while the first run lists all folders."""
    world.published.arrive("1")
    world.published.arrive("2", "2026-11-25")
    seal({}, world)
    later(world, 13 * HOUR)
    assert sealed(world) == [["records/dt=2026-11-24/1"], ["records/dt=2026-11-25/2"]]
    proven(world)


def test_aud_02_a_seal_is_never_older_than_the_one_before(world):
    """Two runs within a second can have clocks that differ."""
    seal({}, world)
    world.published.arrive("1")
    later(world, -3)
    assert [each.time for each in world.seals.seals] == ["2026-11-24T12:00:00Z"] * 2
    world.now.now += 3
    proven(world)


def test_aud_02_no_seal_follows_a_seal_of_the_future(world):
    """It would cover nothing, and no alarm would fire, because the alarm counts seals."""
    world.published.arrive("1")
    seal({}, world)
    world.seals.seals.append(next_seal(world.seals.seals[0], [], SIGNER.fingerprint, NOW + DAY))
    with pytest.raises(ValueError, match="seal 1 names a time in the future, 2026-11-25T12:00:00Z"):
        later(world)
    assert later(world, DAY)["seal"] == 2


def test_aud_09_records_that_athena_skips_raise_the_alarm(world, capsys, caplog):
    world.published.arrive("_hidden")
    world.published.arrive("seen")
    seal({}, world)
    assert capsys.readouterr().out.count('"AuditRecordsTampered":[1.0]') == 1
    (logged,) = (vars(line) for line in caplog.records if line.message == "records not intact")
    assert (logged["object"], logged["records"]) == ("records/dt=2026-11-24/_hidden", ["record 0 of r-_hidden"])


@pytest.mark.parametrize("lost", ["the answer to the write of the seal", "the process"])
def test_aud_02_invalid_lines_raise_the_alarm_even_if_nothing_follows_their_seal(world, capsys, lost: str):
    """The next run finds the objects sealed, and does not read them again."""
    world.published.arrive("1", body=b"no record\n")
    add, error = world.seals.add, Problem("unavailable", "S3 did not answer.", "") if "answer" in lost else SystemExit()

    def add_and_fail(made: Seal) -> bool:
        add(made)
        raise error

    world.seals.add = add_and_fail
    with pytest.raises(type(error)):
        seal({}, world)
    world.seals.add = add
    assert later(world)["objects"] == 0
    assert capsys.readouterr().out.count('"AuditRecordsTampered":[1.0]') == 1
