"""Evidence that each check alone would accept: valid seals that lie, hidden objects, old times (rows AUD 2 and 9)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.core.integrity.contents import RecordPosition, read_contents
from jitney.core.integrity.findings import IntegrityBreak
from jitney.core.integrity.object_names import HIDDEN, is_read_by_athena
from jitney.core.integrity.seal_chain import SealFile
from jitney.core.integrity.sealed_objects import PUBLISHED_WITHIN
from jitney.core.integrity.seals import SealedObject, next_seal
from jitney.core.times import iso
from tests.core.integrity.world import SIGNER, World, chain, key_of, rewritten, world_of
from tests.fakes import NOW

LINE = chain("g-b", 1)[0].text.encode()


def sealed_world() -> World:
    """Return a world with the record of g-a in seal 0."""
    return world_of([[chain("g-a", 1)]])


def sign(world: World, **members: Any) -> None:
    """Add the next seal, with these members, as a person who may sign and add seals can."""
    made = replace(next_seal(world.seals[-1], [], SIGNER.fingerprint, world.now), **members)
    number = len(world.seals)
    world.files[number] = SealFile(number, SIGNER.sign(made).text.encode())
    world.seals.append(made)


def sealed_object(world: World, key: str, line: bytes = LINE) -> SealedObject:
    """Add an object, and return it as a seal lists it."""
    world.write(key, [line])
    found = read_contents(world.objects[key])
    return SealedObject(key, found.digest, tuple((each.position, each.hash) for each in found.entries))


def changed_and_sealed_again(world: World) -> None:
    line = rewritten(world.lines(key_of(0))[0], rehash=True, reason="no harm done")
    sign(world, objects=(sealed_object(world, key_of(0), line),))


def emptied_and_sealed_again(world: World) -> None:
    world.objects[key_of(0)] = b""
    sign(world, objects=(SealedObject(key_of(0), read_contents(b"").digest, ()),))


def of_day(day: str) -> Callable[[World], None]:
    return lambda world: sign(world, objects=(sealed_object(world, key_of(1, day)),))


def without_its_records(world: World) -> None:
    sign(world, objects=(replace(sealed_object(world, key_of(1)), records=()),))


LIES: dict[str, tuple[Callable[[World], None], tuple[str, ...]]] = {
    "an object is changed and sealed again": (
        changed_and_sealed_again,
        (
            "record 0 of g-a was changed after seal 0.",
            "Seal 1 may not cover records/dt=2026-11-24/jitney-records-0000: ",
        ),
    ),
    "an object is emptied and sealed again": (
        emptied_and_sealed_again,
        ("record 0 of g-a was removed after seal 0.", "seal 0 covers it already."),
    ),
    "an object of a closed day is sealed": (of_day("2026-11-22"), ("only days from 2026-11-23 to 2026-11-24 were",)),
    "an object of a later day is sealed": (of_day("2026-11-25"), ("only days from 2026-11-23 to 2026-11-24 were",)),
    "a seal omits the records of its object": (without_its_records, ("Seal 1 lists other records than",)),
    "a seal is made in the future": (
        lambda world: sign(world, time="2099-01-01T00:00:00Z"),
        ("Seal 1 names a time in the future, 2099-01-01T00:00:00Z.",),
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_aud_02_a_valid_seal_that_lies_is_named(name: str):
    lie, words = LIES[name]
    world = sealed_world()
    lie(world)
    sentences = [each.sentence for each in world.verify(later=-3600).breaks]
    assert [each for each in words if not any(each in one for one in sentences)] == [], sentences


def test_aud_02_the_first_seal_covers_no_later_day():
    world = World()
    world.write(key_of(0, "2026-11-25"), [LINE])
    world.seal()
    (found,) = world.verify().breaks
    assert (found.sentence, found.records) == (
        f"Seal 0 may not cover {key_of(0, '2026-11-25')}: it was made on 2026-11-24.",
        (RecordPosition("g-b", 0),),
    )


FORMS: tuple[dict[str, Any], ...] = (
    *({"time": each} for each in ("9", 5, None, "2099-W01", "2026-11-24T13:00:00+00:00", "2026-11-24T13:00:00.0Z")),
    *({"number": each} for each in (1.0, True, "1", None)),
    *({"signer": each} for each in ([], {}, None)),
    {"previous": None},
    {"objects": (SealedObject(5, "0", ()),)},  # type: ignore[arg-type]
    {"objects": (SealedObject("records/x", [], ()),)},  # type: ignore[arg-type]
    {"objects": (SealedObject("records/x", "0", ((RecordPosition([], 0), "0"),)),)},  # type: ignore[arg-type]
    {"objects": (SealedObject("records/x", "0", ((RecordPosition("g-a", 0.5), "0"),)),)},  # type: ignore[arg-type]
    {"objects": (SealedObject("records/x", "0", ((RecordPosition("g-a", 0), {}),)),)},  # type: ignore[arg-type]
)


@pytest.mark.parametrize("members", FORMS, ids=str)
def test_aud_02_a_signed_seal_with_members_of_other_types_is_no_seal(members: dict[str, Any]):
    world = sealed_world()
    sign(world, **members)
    assert any(each.sentence.startswith("Seal 1 is not a seal: ") for each in world.verify().breaks)


FOLDER = "records/dt=2026-11-24/"
HIDDEN_NAMES = (
    "_a",
    ".a",
    "_x/a",
    ".x/a",
    "x/a",
    "/a",
    "a.gz",
    "a.lz4",
    "a_$folder$",
    "2026-11-24/_a",
    "a b",
    "a\n",
    "ä",
)


@pytest.mark.parametrize("name", HIDDEN_NAMES)
@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_aud_09_an_object_that_athena_skips_is_named(name: str, *, sealed: bool):
    world = sealed_world()
    world.write(f"{FOLDER}{name}", [LINE])
    if sealed:
        world.seal()
    (found,) = world.verify().breaks
    assert found == IntegrityBreak(
        f"In {FOLDER}{name}, record 0 of g-b: {HIDDEN}.",
        1 if sealed else None,
        f"{FOLDER}{name}",
        (RecordPosition("g-b", 0),),
    )


def test_aud_09_a_hidden_object_without_records_hides_nothing():
    world = sealed_world()
    world.objects[f"{FOLDER}_SUCCESS"] = world.objects[FOLDER] = b""
    assert world.verify().breaks == ()
    world.seal()
    assert world.verify().breaks == ()


@pytest.mark.parametrize(
    "key",
    [
        "records/dt=2026-11-24/jitney-records-1-2026-11-24-12-00-00-74441fd1-d6f6-4b69-a183-dbed483344f4",
        "calls/dt=2026-11-24/2026-11-25/jitney-calls-1-2026-11-25-12-00-00-9cf8d2db-61dd-440d-83b6-a6dd96818769",
    ],
)
def test_athena_reads_what_firehose_names(key: str):
    assert is_read_by_athena(key)


@pytest.mark.parametrize(("seconds", "named"), [(0, False), (-1, True), (-400 * 86_400, True)])
def test_aud_09_a_forged_record_with_an_old_time_is_named_although_no_table_is_compared(seconds: int, *, named: bool):
    """A person who writes to the bucket chooses the time. The audit table compares no old record."""
    world = sealed_world()
    midnight = datetime.fromtimestamp(NOW, UTC).replace(hour=0, minute=0, second=0) - PUBLISHED_WITHIN
    old = iso(int((midnight + timedelta(seconds=seconds)).timestamp()))
    world.write(key_of(1), [rewritten(LINE, rehash=True, time=old)])
    for _ in ("unsealed", "sealed"):
        words = [each.sentence for each in world.verify().breaks]
        assert words == [f"In {key_of(1)}, record 0 of g-b: forged, with a time {LONG_AGO}."] * named
        world.seal()


def test_aud_09_a_record_of_an_open_day_is_compared_for_a_day_or_is_too_old():
    """The table's records are compared for a day less than they are kept, and a day is open for two days."""
    assert RECORD_RETENTION_SECONDS - PUBLISHED_WITHIN.total_seconds() == 3 * 86_400


LONG_AGO = "more than 97 days before it was published, when the audit table had no copy"


def test_aud_02_the_first_seal_that_covers_an_object_counts():
    world = sealed_world()
    changed_and_sealed_again(world)
    seal, found = world.checked().by_key()[key_of(0)]
    assert (seal.number, found.digest) == (0, world.seals[0].objects[0].digest)
