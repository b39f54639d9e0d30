"""AUD 2: any later change to records or seals is found and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jitney.core.integrity.contents import RecordPosition, read_contents
from jitney.core.integrity.findings import VerificationResult, describe_records
from jitney.core.integrity.reconciliation import (
    ARRIVAL_SECONDS,
    TableEvidence,
    WrittenRecord,
    missing_records,
    reconcile,
)
from jitney.core.integrity.seals import SKEW_SECONDS, read_seal
from jitney.core.integrity.verification import Evidence, verify
from tests.core.integrity.world import HOUR, SIGNER, STRANGER, World, chain, key_of, replaced, rewritten, world_of
from tests.examples import examples
from tests.fakes import NOW


@st.composite
def worlds(draw: Any) -> World:
    """Draw some chains. Their records came in any order, in any objects and hours, each at least once."""
    # Chains of grants, of calls through the gateway, and of all else.
    names = [f"{draw(st.sampled_from('gcr'))}-{index}" for index in range(draw(st.integers(1, 3)))]
    chains = [chain(name, draw(st.integers(1, 4))) for name in names]
    records = [record for each in chains for record in each]
    records += draw(st.lists(st.sampled_from(records), max_size=2))  # Firehose delivers at least once
    hours: list[list[list[Any]]] = [[[]]]
    for record in records:
        step = draw(st.sampled_from(["object", "hour", "same", "same"]))
        if step == "hour":
            hours.append([])
        if step != "same" or not hours[-1]:
            hours[-1].append([])
        hours[-1][-1].append(record)
    world = world_of(hours)
    world.objects = {key: body for key, body in world.objects.items() if body}
    return World(world.objects, *_sealed_again(world))


def _sealed_again(world: World) -> tuple[Any, Any]:
    fresh = World()
    for seal in world.seals:
        for each in seal.objects:
            if each.key in world.objects:
                fresh.objects[each.key] = world.objects[each.key]
        fresh.seal()
    return fresh.files, fresh.seals


@settings(max_examples=examples(60))
@given(worlds())
def test_aud_02_untouched_records_are_verified(world: World):
    findings = world.verify()
    assert (findings.verdict, findings.breaks, findings.unverified) == (VerificationResult.VERIFIED, (), ())
    assert findings.extent.objects == len(world.objects)
    assert findings.extent.last == world.seals[-1]


def _change(world: World, key: str, at: int, draw: Any) -> RecordPosition:
    lines = world.lines(key)
    member, value = draw(
        st.sampled_from([("reason", "another"), ("seq", 99), ("chain", "g-other"), ("prev", "f" * 64)])
    )
    record = json.loads(lines[at])
    lines[at] = rewritten(lines[at], rehash=draw(st.booleans()), **{member: value})
    world.write(key, lines)
    return RecordPosition(record["chain"], record["seq"])


def _remove(world: World, key: str, at: int, _draw: Any) -> RecordPosition:
    lines = world.lines(key)
    record = json.loads(lines.pop(at))
    world.write(key, lines)
    return RecordPosition(record["chain"], record["seq"])


def _add(world: World, key: str, at: int, _draw: Any) -> RecordPosition:
    lines = world.lines(key)
    lines.insert(at, chain("r-added", 1)[0].text.encode())
    world.write(key, lines)
    return RecordPosition("r-added", 0)


def _repeat(world: World, key: str, at: int, _draw: Any) -> RecordPosition:
    lines = world.lines(key)
    world.write(key, [*lines, lines[at]])
    record = json.loads(lines[at])
    return RecordPosition(record["chain"], record["seq"])


TAMPERINGS = {"change": _change, "remove": _remove, "add": _add, "repeat": _repeat}


@settings(max_examples=examples(40))
@pytest.mark.parametrize("how", TAMPERINGS)
@given(world=worlds(), data=st.data())
def test_aud_02_any_tampering_with_a_record_names_it_and_its_object(how: str, world: World, data: Any):
    key = data.draw(st.sampled_from(sorted(world.objects)))
    at = data.draw(st.integers(0, len(world.lines(key)) - 1))
    before = world.lines(key)
    place = TAMPERINGS[how](world, key, at, data.draw)
    # A duplicate record that became single counts as another order, named from where it starts.
    twice = before.count(before[at]) > 1 and how in ("remove", "change", "repeat")
    breaks = [each for each in world.verify().breaks if each.object == key]
    assert breaks
    assert all(key in each.sentence for each in breaks)
    if not twice:
        assert any(place in each.records and str(place) in each.sentence for each in breaks)


@settings(max_examples=examples(40))
@given(world=worlds(), data=st.data())
def test_aud_02_an_erased_record_is_reported_and_no_other_one_of_its_object(world: World, data: Any):
    key = data.draw(st.sampled_from(sorted(world.objects)))
    at = data.draw(st.integers(0, len(world.lines(key)) - 1))
    assume(all(lines.count(world.lines(key)[at]) == 1 for lines in [world.lines(key)]))
    place = _remove(world, key, at, None)
    breaks = world.verify().breaks
    assert {named for each in breaks for named in each.records} <= {place}
    assert breaks


@settings(max_examples=examples(40))
@given(world=worlds(), data=st.data())
def test_aud_02_records_in_another_order_are_named(world: World, data: Any):
    key = data.draw(st.sampled_from(sorted(world.objects)))
    lines = world.lines(key)
    swapped = data.draw(st.permutations(lines))
    world.write(key, swapped)
    findings = world.verify()
    if swapped == lines:
        assert findings.verdict is VerificationResult.VERIFIED
        return
    (found,) = findings.breaks
    first = next(json.loads(a) for a, b in zip(lines, swapped, strict=True) if a != b)
    assert "another order" in found.sentence
    assert (found.object, found.records) == (key, (RecordPosition(first["chain"], first["seq"]),))


@settings(max_examples=examples(40))
@given(world=worlds(), data=st.data())
def test_aud_02_a_missing_object_is_named_with_its_records(world: World, data: Any):
    key = data.draw(st.sampled_from(sorted(world.objects)))
    records = {RecordPosition(each["chain"], each["seq"]) for each in map(json.loads, world.lines(key))}
    del world.objects[key]
    first = world.verify().breaks[0]
    assert (first.object, set(first.records)) == (key, records)
    assert "is missing" in first.sentence


@settings(max_examples=examples(40))
@given(world=worlds(), data=st.data())
def test_aud_02_a_missing_seal_is_named(world: World, data: Any):
    number = data.draw(st.integers(0, len(world.seals) - 1))
    del world.files[number]
    findings = world.verify(later=4 * HOUR)
    if world.files:
        assert findings.verdict is VerificationResult.BROKEN
        first = findings.breaks[0]
        if number < len(world.seals) - 1:
            assert first.sentence == f"Seal {number} is missing."
        assert first.seal == number
    else:
        assert findings.verdict is VerificationResult.UNVERIFIED


@settings(max_examples=examples(40))
@given(world=worlds(), data=st.data())
def test_aud_02_any_changed_byte_in_a_seal_is_found(world: World, data: Any):
    number = data.draw(st.integers(0, len(world.seals) - 1))
    body = bytearray(world.files[number].body)
    body[data.draw(st.integers(0, 9999)) % len(body)] ^= data.draw(st.integers(1, 255))
    replaced(world, number, body=bytes(body))
    findings = world.verify()
    assert findings.breaks[0].seal == number
    assert f"Seal {number} is " in findings.breaks[0].sentence


SEALS: dict[str, tuple[Callable[[World], Any], str]] = {
    "signed with another key": (
        lambda world: replaced(world, 1, body=STRANGER.sign(world.seals[1]).text.encode()),
        "Seal 1 is forged: its signature",
    ),
    "of another key": (
        lambda world: replaced(
            world, 1, body=STRANGER.sign(replace(world.seals[1], signer=STRANGER.fingerprint)).text.encode()
        ),
        "which is not trusted",
    ),
    "another's place": (lambda world: replaced(world, 1, body=world.files[0].body), "Seal 1 is in the wrong place"),
    "replaced": (lambda world: replaced(world, 1, versions=2), "Seal 1 was replaced: 1 later version"),
    "deleted": (lambda world: replaced(world, 1, deleted=True), "Seal 1 was deleted: a delete marker"),
    "another history": (
        lambda world: replaced(world, 1, body=SIGNER.sign(replace(world.seals[1], previous="0" * 64)).text.encode()),
        "Seal 1 does not follow seal 0",
    ),
    "another beginning": (
        lambda world: replaced(world, 0, body=SIGNER.sign(replace(world.seals[0], previous="1" * 64)).text.encode()),
        "Seal 0 is not the first seal",
    ),
    "an earlier time": (
        lambda world: replaced(
            world, 2, body=SIGNER.sign(replace(world.seals[2], time="2001-01-01T00:00:00Z")).text.encode()
        ),
        "Seal 2 was made at 2001-01-01T00:00:00Z, before seal 1",
    ),
    "several gone": (lambda world: [world.files.pop(number) for number in (0, 1)], "Seals 0 to 1 are missing."),
}


@pytest.mark.parametrize("name", SEALS)
def test_aud_02_an_altered_seal_is_named(name: str):
    world = world_of([[chain("g-a", 2)], [chain("g-b", 1)], [chain("g-c", 1)]])
    tamper, said = SEALS[name]
    tamper(world)
    findings = world.verify()
    assert findings.verdict is VerificationResult.BROKEN
    assert said in findings.breaks[0].sentence
    assert not [each for each in findings.breaks if "was added" in each.sentence]


def test_aud_02_without_seals_or_trusted_keys_nothing_is_verified():
    world = World({key_of(0): chain("g-a", 1)[0].text.encode()})
    assert world.verify().verdict is VerificationResult.UNVERIFIED
    assert world.verify().unverified[0].startswith("There are no seals: ")
    world.seal()
    assert world.verify().verdict is VerificationResult.VERIFIED
    assert world.verify(keys={}).verdict is VerificationResult.BROKEN
    assert world.verify(keys={}).extent.seals == 0
    assert world.verify(keys={}).unverified == ("No seal is valid: the records cannot be verified.",)


def test_aud_02_an_unreadable_object_is_unverified():
    world = world_of([[chain("g-a", 1)]])
    findings = verify(Evidence(world.checked(), {}, {key_of(0): "AccessDenied"}, now=world.now))
    assert (findings.verdict, findings.breaks) == (VerificationResult.UNVERIFIED, ())
    assert findings.unverified == (f"{key_of(0)} could not be read: AccessDenied",)


@pytest.mark.parametrize("hidden", [0, 1])
def test_aud_02_a_chain_through_an_unreadable_object_is_not_broken(hidden: int):
    links = chain("g-a", 3)
    world = world_of([[[each]] for each in links] + [[chain("g-b", 1)]])
    contents = {key: read_contents(body) for key, body in world.objects.items() if key != key_of(hidden)}
    seals, denied = world.checked(), {key_of(hidden): "AccessDenied"}
    findings = verify(Evidence(seals, contents, denied, now=world.now))
    assert (findings.verdict, findings.breaks) == (VerificationResult.UNVERIFIED, ())
    # Without the seal's word for it, the same gap is a failure.
    assert verify(Evidence(seals, contents, now=world.now)).verdict is VerificationResult.BROKEN


def test_aud_02_a_record_of_an_unsealed_object_that_could_not_be_read_is_no_gap():
    links = [each.text.encode() for each in chain("g-a", 2)]
    world = World({key_of(0): links[1]})
    world.seal()
    world.seal()
    contents = {key: read_contents(body) for key, body in world.objects.items()}
    assert verify(Evidence(world.checked(), contents, now=world.now)).verdict is VerificationResult.BROKEN
    findings = verify(Evidence(world.checked(), contents, {key_of(1): "AccessDenied"}, now=world.now))
    assert (findings.verdict, findings.breaks) == (VerificationResult.UNVERIFIED, ())


@pytest.mark.parametrize("listed", [{0}, {1}, {0, 1}, {0, 2}], ids=str)
def test_aud_02_a_chain_through_an_object_that_was_only_listed_is_not_broken(listed: set[int]):
    """Of many objects, only those are read that were written after their seals, or in the same second."""
    world = world_of([[[each]] for each in chain("g-a", 4)])
    unread = frozenset(map(key_of, listed))
    contents = {key: read_contents(body) for key, body in world.objects.items() if key not in unread}
    for since in (None, date(2026, 11, 24)):
        found = verify(Evidence(world.checked(), contents, since=since, now=world.now, unread=unread))
        assert (found.verdict, found.breaks) == (VerificationResult.VERIFIED, ())


def test_aud_02_unsealed_objects_are_distinguished_from_added_ones():
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(7), [chain("g-b", 1)[0].text.encode()])
    world.write(key_of(8, "2026-11-23"), [chain("g-c", 1)[0].text.encode()])
    findings = world.verify()
    assert findings.verdict is VerificationResult.VERIFIED
    assert (findings.extent.unsealed_objects, findings.extent.unsealed_records) == (2, 2)
    world.write(key_of(9, "2026-11-22"), [chain("g-d", 1)[0].text.encode()])
    world.write("records/odd", [chain("g-e", 1)[0].text.encode()])
    first, second = world.verify().breaks
    assert {first.object, second.object} == {key_of(9, "2026-11-22"), "records/odd"}
    assert "was added: no seal covers it" in first.sentence


@pytest.mark.parametrize("day", ["2099-01-01", "2026-11-25", "2026-W48-3"])
def test_aud_02_an_object_under_a_never_sealed_day_is_named(day: str):
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(7, day), [chain("g-b", 1)[0].text.encode()])
    findings = world.verify()
    assert [each.object for each in findings.breaks] == [key_of(7, day)]
    assert "was added: no seal covers it" in findings.breaks[0].sentence
    assert (findings.extent.unsealed_objects, findings.extent.unsealed_records) == (0, 0)


def test_aud_02_an_object_outside_the_day_folders_is_named():
    world = world_of([[chain("g-a", 1)]])
    odd = "records/odd/dt=2026-11-24/jitney-records-0007"
    world.write(odd, [chain("g-b", 1)[0].text.encode()])
    assert [each.object for each in world.verify().breaks] == [odd]


def test_aud_02_a_slow_clock_reports_nothing_as_added():
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(7, "2026-11-25"), [chain("g-b", 1)[0].text.encode()])
    midnight = 12 * HOUR - HOUR  # `later` counts from an hour after the seal
    assert world.verify(later=midnight - SKEW_SECONDS - 1).breaks[0].object == key_of(7, "2026-11-25")
    assert not [each for each in world.verify(later=midnight - SKEW_SECONDS).breaks if each.object]


def test_aud_02_seals_that_end_too_early_are_a_failure():
    world = world_of([[chain("g-a", 1)], [], []])
    assert world.verify(later=2 * HOUR).verdict is VerificationResult.VERIFIED
    (late,) = world.verify(later=2 * HOUR + 1).breaks
    assert (late.seal, late.sentence.startswith("The seals end too early: the last seal, number 2")) == (3, True)


TEN_DAYS = 240 * HOUR


@pytest.mark.parametrize("until", [None, date(2026, 11, 24), date(2026, 11, 25), date(2099, 1, 1)])
def test_aud_02_seals_that_end_too_early_are_a_failure_for_any_until(until: date | None):
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(7), [chain("g-forged", 1)[0].text.encode()])
    assert world.verify(until=until).verdict is VerificationResult.VERIFIED
    (late,) = world.verify(until=until, later=TEN_DAYS).breaks
    assert (late.seal, late.sentence.startswith("The seals end too early: the last seal, number 0")) == (1, True)


def test_aud_02_a_closed_day_needs_no_later_seals():
    world = world_of(
        [[chain("g-a", 1)], *[[]] * 59]
    )  # from noon on, so that the last is of the 26th, an hour to midnight
    assert world.seals[-1].time == "2026-11-26T23:00:00Z"
    assert world.verify(until=date(2026, 11, 24), later=TEN_DAYS).verdict is VerificationResult.VERIFIED
    for open_still in (date(2026, 11, 25), date(2026, 11, 26), None):
        assert "end too early" in world.verify(until=open_still, later=TEN_DAYS).breaks[-1].sentence
    world.write(key_of(7), [chain("g-forged", 1)[0].text.encode()])
    (added,) = world.verify(until=date(2026, 11, 24), later=TEN_DAYS).breaks
    assert (added.object, "was added: no seal covers it" in added.sentence) == (key_of(7), True)


def test_aud_02_days_without_seals_are_unverified():
    world = world_of([[chain("g-a", 1)]])
    unsealed = World({key_of(0): world.objects[key_of(0)]})
    assert unsealed.verify(until=date(2026, 11, 24)).verdict is VerificationResult.UNVERIFIED
    (why,) = unsealed.verify(since=date(2026, 11, 24), until=date(2026, 11, 24)).unverified
    assert why.startswith("There are no seals for these days")
    before = date(2026, 11, 20)
    findings = World({}, world.files, world.seals).verify(until=before)
    assert (findings.verdict, findings.breaks) == (VerificationResult.UNVERIFIED, ())
    first = "The first seal, number 0, was made at 2026-11-24T12:00:00Z, after 2026-11-20:"
    assert findings.unverified[0].startswith(first)
    world.write(key_of(7, "2026-11-20"), [chain("g-forged", 1)[0].text.encode()])
    assert (
        "was added: no seal covers it"
        in World(world.objects, world.files, world.seals).verify(until=before).breaks[0].sentence
    )


def test_aud_02_a_record_altered_before_sealing_is_named():
    links = [each.text.encode() for each in chain("g-a", 3)]
    world = World()
    world.write(key_of(0), [links[0], rewritten(links[1], rehash=False, reason="x"), links[2]])
    world.seal()
    (found,) = world.verify().breaks
    assert (found.records, found.object) == ((RecordPosition("g-a", 1),), key_of(0))
    assert "the hash of record 1 of g-a does not match its content" in found.sentence
    rehashed = World()
    rehashed.write(key_of(0), [links[0], rewritten(links[1], rehash=True, reason="x"), links[2]])
    rehashed.seal()
    (found,) = rehashed.verify().breaks
    assert "Record 2 of g-a" in found.sentence
    assert "does not follow record 1" in found.sentence


def test_aud_02_a_missing_record_is_a_failure_once_the_next_seal_is_due():
    links = [each.text.encode() for each in chain("g-a", 4)]
    world = World()
    world.write(key_of(0), [links[0], links[3]])
    assert world.verify().breaks == ()
    world.seal()
    assert world.verify().breaks == ()
    world.write(key_of(1), [links[1]])
    world.seal()
    (found,) = world.verify().breaks
    assert found.sentence.startswith("Record 2 of g-a is nowhere, but record 3 of g-a")
    world.write(key_of(2), [links[2]])
    assert world.verify().breaks == ()


@pytest.mark.parametrize("name", [1, 9], ids=["before it", "after it"])
def test_aud_02_a_later_copy_of_a_record_hides_no_gap_before_it(name: int):
    """A person who writes to the bucket can add copies each hour, with names that S3 lists first."""
    links = [each.text.encode() for each in chain("g-a", 3)]
    world = World()
    world.write(key_of(5), [links[0], links[2]])
    world.seal()
    world.seal()
    for sealed in (False, True):
        world.objects = dict(sorted((world.objects | {key_of(name): links[2] + b"\n"}).items()))
        if sealed:
            world.seal()
        (found,) = world.verify().breaks
        assert found.sentence.startswith("Record 1 of g-a is nowhere, but record 2 of g-a")


@pytest.mark.parametrize(("day", "verdict"), [(24, "unverified"), (25, "verified"), (27, "verified")])
def test_aud_02_a_record_that_a_redrive_published_after_the_last_day_is_no_failure(day: int, verdict: str):
    links = [each.text.encode() for each in chain("g-a", 3)]
    world = World()
    world.write(key_of(0), [links[0], links[2]])
    for _ in range(72):
        if world.now == NOW + 24 * HOUR:
            world.write(key_of(1, "2026-11-25"), [links[1]])
        world.seal()
    until = date(2026, 11, day)
    world.objects = {key: body for key, body in world.objects.items() if key[11:21] <= str(until)}
    findings = world.verify(until=until)
    assert (findings.verdict, findings.breaks) == (verdict, ())
    sentence = "Not in S3 until 2026-11-24: record 1 of g-a. Later objects may have what is missing: omit --until."
    assert findings.unverified == ((sentence,) if verdict == "unverified" else ())


def test_aud_02_a_chain_without_its_first_record_is_named():
    world = World()
    world.write(key_of(0), [chain("g-a", 2)[1].text.encode()])
    world.seal()
    world.seal()
    (found,) = world.verify().breaks
    assert (found.records, found.object) == ((RecordPosition("g-a", 0),), key_of(0))


def test_aud_02_two_records_with_one_position_are_named():
    one, two = (chain("g-a", 2) for _ in range(2))
    world = World()
    world.write(key_of(0), [each.text.encode() for each in one])
    world.write(key_of(1), [rewritten(two[1].text.encode(), rehash=True, reason="another")])
    world.seal()
    (found,) = world.verify().breaks
    assert found.sentence.startswith("There are 2 different records that claim to be record 1 of g-a")
    assert key_of(0) in found.sentence
    assert key_of(1) in found.sentence


@pytest.mark.parametrize("name", [1, 9], ids=["before it", "after it"])
def test_aud_02_a_second_record_with_a_position_breaks_no_record_after_it(name: int):
    links = [each.text.encode() for each in chain("g-a", 2)]
    world = World()
    world.write(key_of(5), links)
    world.write(key_of(name), [rewritten(links[0], rehash=True, reason="another")])
    world.seal()
    world.objects = dict(sorted(world.objects.items()))
    (found,) = world.verify().breaks
    assert found.records == (RecordPosition("g-a", 0),)


def test_aud_02_objects_of_earlier_days_may_be_missing():
    """Only those of `since` and later are read. Seals over earlier ones may be among those of these days."""
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(1), [chain("g-b", 1)[0].text.encode()])
    world.seal()
    world.seal()
    (earlier,) = (key for key in world.objects if key != key_of(1))
    del world.objects[earlier]
    assert [each.object for each in world.verify(since=None).breaks] == [earlier]
    assert world.verify(since=date(2026, 11, 25)).breaks == ()


def test_aud_02_with_since_chains_may_start_earlier():
    world = World()
    links = [each.text.encode() for each in chain("g-a", 3)]
    world.write(key_of(0, "2026-11-23"), links[:1])
    world.seal()
    world.write(key_of(1), links[1:])
    world.seal()
    world.seal()
    del world.files[0], world.objects[key_of(0, "2026-11-23")]
    findings = world.verify(since=date(2026, 11, 24))
    assert (findings.verdict, findings.breaks) == (VerificationResult.VERIFIED, ())
    assert (findings.extent.first, findings.extent.records) == (world.seals[1], 2)
    world.write(key_of(1), links[2:])
    assert "record 1 of g-a was removed" in world.verify(since=date(2026, 11, 24)).breaks[0].sentence


NO_RECORDS = [
    *(b"{", b"[]", b"\xff", b"null", b"1", b'"text"', b"NaN", b"[" * 200_000),
    b'{"hash":1}',
    b'{"hash":"","chain":"c","seq":true,"prev":""}',
    b'{"hash":"","chain":"c","seq":-1,"prev":""}',
    b'{"hash":"\\ud800","chain":"c","seq":1,"prev":""}',
]


@pytest.mark.parametrize("line", NO_RECORDS)
def test_aud_02_an_invalid_line_is_named_before_and_after_sealing(line: bytes):
    world = world_of([[chain("g-a", 1)]])
    world.write(key_of(1), [line, chain("g-b", 1)[0].text.encode()])
    assert [each.sentence for each in world.verify().breaks] == [f"Line 1 of {key_of(1)} is not a record."]
    world.seal()
    (found,) = world.verify().breaks
    assert found.sentence == f"Line 1 of {key_of(1)} is not a record, and was there when seal 1 was made."
    assert (found.seal, found.object, found.records) == (1, key_of(1), ())


@pytest.mark.parametrize("line", NO_RECORDS)
def test_aud_02_an_added_invalid_line_is_named(line: bytes):
    world = world_of([[chain("g-a", 1)]])
    world.objects[key_of(0)] += line + b"\n"
    (found,) = world.verify().breaks
    assert found.sentence == f"Line 2 of {key_of(0)} is not a record, and was put there after seal 0."


@pytest.mark.parametrize(("sealed_since", "named"), [(NOW, True), (NOW + 1, False), (None, False)])
def test_aud_09_sealed_records_are_compared_as_long_as_the_table_keeps_them(sealed_since: int | None, *, named: bool):
    world = world_of([[chain("g-a", 1)]])
    contents = {key: read_contents(body) for key, body in world.objects.items()}
    table = TableEvidence({}, sealed_since=sealed_since)
    found = verify(Evidence(world.checked(), contents, now=world.now, table=table))
    assert [(each.seal, each.records) for each in found.breaks] == ([(0, (RecordPosition("g-a", 0),))] if named else [])
    assert found.extent.compared == int(named)


@pytest.mark.parametrize("time", ["", "1", None, "2026-11-24T12:05:00+00:00", "99999-01-01T00:00:00Z"])
def test_aud_09_a_record_without_a_readable_time_counts_as_new(time: Any):
    (record,) = read_contents(rewritten(chain("g-a", 1)[0].text.encode(), rehash=True, time=time)).entries
    assert TableEvidence({}, sealed_since=NOW).was_looked_up(record)


@pytest.mark.parametrize(("until", "missing"), [(-1, False), (0, True), (1, True), (None, True)])
def test_aud_09_a_missing_record_is_found_unless_it_is_after_the_last_day(until: int | None, *, missing: bool):
    now = NOW + ARRIVAL_SECONDS
    day = None if until is None else datetime.fromtimestamp(now, UTC).date() + timedelta(days=until)
    position = RecordPosition("g-a", 0)
    written = [WrittenRecord(position, "h", NOW), WrittenRecord(RecordPosition("g-b", 0), "h", NOW + 1)]
    found = [each.records for each in missing_records(written, (), since=None, until=day, now=now)]
    assert found == ([(position,)] if missing else [])


@pytest.mark.parametrize(("unread", "missing"), [(key_of(1), False), (key_of(0), True), (None, True)])
def test_aud_09_a_record_that_an_unsealed_unreadable_object_may_hold_is_not_missing(unread: str | None, missing: bool):
    world = world_of([[chain("g-a", 1)]])
    contents = {key: read_contents(body) for key, body in world.objects.items() if key != unread}
    lost = WrittenRecord(RecordPosition("g-b", 0), "h", NOW)
    unreadable = {unread: "AccessDenied"} if unread else {}
    found = verify(Evidence(world.checked(), contents, unreadable, now=world.now, table=TableEvidence({}, (lost,))))
    assert [each.records for each in found.breaks] == ([(lost.position,)] if missing else [])


@pytest.mark.parametrize("rehash", [True, False], ids=["with its hash", "under the old hash"])
def test_aud_09_a_record_that_was_changed_before_its_seal_is_named(*, rehash: bool):
    (made,), position = chain("g-a", 1), RecordPosition("g-a", 0)
    objects = {key_of(0): read_contents(rewritten(made.text.encode(), rehash=rehash, reason="another"))}
    table = TableEvidence({position: WrittenRecord(position, made.hash, NOW)})
    (found,) = reconcile(objects, table)
    assert "changed before the seal" in found.sentence
    assert found.records == (position,)


@pytest.mark.parametrize(("after_midnight", "moved"), [(0, False), (SKEW_SECONDS - 1, False), (SKEW_SECONDS, True)])
def test_aud_09_a_function_s_fast_clock_moves_no_record(after_midnight: int, *, moved: bool):
    """By the function's clock, the record was written on the next day. It was published before midnight."""
    midnight = 12 * HOUR + NOW
    (made,), position = chain("g-a", 1), RecordPosition("g-a", 0)
    table = TableEvidence({position: WrittenRecord(position, made.hash, midnight + after_midnight)})
    found = [*reconcile({key_of(0): read_contents(made.text.encode())}, table)]
    assert [each.records for each in found] == ([(position,)] if moved else [])


def test_a_seal_file_has_exactly_one_spelling():
    world = world_of([[chain("g-a", 2)]])
    text = world.files[0].body
    assert read_seal(text).seal == world.seals[0]
    for other in (b"", b"{}", b"null", b"[" * 9999, text + b" ", text.replace(b'"kind"', b'"king"'), b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            read_seal(other)


def test_many_records_are_named_and_counted():
    places = tuple(RecordPosition("g-a", seq) for seq in range(8))
    assert describe_records(places[:1]) == "record 0 of g-a"
    assert describe_records(places[:2]) == "record 0 of g-a and record 1 of g-a"
    assert describe_records(places).endswith("record 4 of g-a and 3 more")
