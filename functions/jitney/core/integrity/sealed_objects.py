"""Compares objects with their seals, and finds what was changed, removed, added or reordered."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from jitney.core.integrity.contents import Contents, RecordPosition
from jitney.core.integrity.findings import IntegrityBreak, describe_records
from jitney.core.integrity.object_names import HIDDEN, day_of, is_read_by_athena
from jitney.core.integrity.seals import Seal, SealedObject, first_day


def check_object(number: int, sealed: SealedObject, found: Contents | None) -> Iterator[IntegrityBreak]:
    """Yield the failures of an object of seal `number`. `found` is its current content, or None if it is missing."""
    records = tuple(place for place, _ in sealed.records)
    if found is None:
        which = f": {describe_records(records)}" if records else ""
        yield IntegrityBreak(
            f"{sealed.key} is missing, with the records that seal {number} covers{which}.", number, sealed.key, records
        )
    elif found.digest != sealed.digest:
        yield from _differences(number, sealed, found)
    else:
        yield from invalid_line_breaks(sealed.key, found, f", and was there when seal {number} was made", number)
        if sealed.records != tuple((each.position, each.hash) for each in found.entries):
            sentence = f"Seal {number} lists other records than {sealed.key} holds."
            yield IntegrityBreak(sentence, number, sealed.key)


def misplaced_object_breaks(seals: Sequence[Seal]) -> Iterator[IntegrityBreak]:
    """Yield the failures of objects that their seals may not cover: of a closed or a later day, or sealed before.

    The sealer never covers such an object, so another program signed the seal. `seals` are valid, in
    order.
    """
    first: dict[str, int] = {}
    for before, seal in zip((None, *seals), seals, strict=False):
        opens, closes = first_day(before) if before else date.min, date.fromisoformat(seal.time[:10])
        for each in seal.objects:
            number, day = first.setdefault(each.key, seal.number), day_of(each.key)
            if number != seal.number:
                fault = f"seal {number} covers it already"
            elif day and not opens <= day <= closes:
                fault = f"only days from {opens} to {closes} were open" if before else f"it was made on {closes}"
            else:
                continue
            sentence = f"Seal {seal.number} may not cover {each.key}: {fault}."
            yield IntegrityBreak(sentence, seal.number, each.key, tuple(place for place, _ in each.records))


def hidden_object_breaks(
    sealed: Mapping[str, tuple[int, SealedObject]], contents: Mapping[str, Contents]
) -> Iterator[IntegrityBreak]:
    """Yield the failures of objects with records whose names Athena may skip, sealed and unsealed ones."""
    found = {key: tuple(each.position for each in held.entries) for key, held in contents.items()}
    found |= {key: tuple(place for place, _ in each.records) for key, (_, each) in sealed.items()}
    for key in sorted(found):
        if found[key] and not is_read_by_athena(key):
            number = sealed[key][0] if key in sealed else None
            sentence = f"In {key}, {describe_records(found[key])}: {HIDDEN}."
            yield IntegrityBreak(sentence, number, key, found[key])


def invalid_line_breaks(
    key: str, found: Contents, more: str = "", number: int | None = None
) -> Iterator[IntegrityBreak]:
    """Yield a failure for each line that is not a record. `more` is the end of the sentence."""
    for line in found.invalid_lines:
        yield IntegrityBreak(f"Line {line} of {key} is not a record{more}.", number, key)


def _differences(number: int, sealed: SealedObject, found: Contents) -> Iterator[IntegrityBreak]:
    def wrong(what: str, records: list[RecordPosition]) -> IntegrityBreak:
        were = "was" if len(records) == 1 else "were"
        sentence = f"In {sealed.key}, {describe_records(tuple(records))} {were} {what} after seal {number}."
        return IntegrityBreak(sentence, number, sealed.key, tuple(records))

    then, now = dict(sealed.records), {each.position: each.hash if each.intact else "" for each in found.entries}
    differences = (
        ("changed", [place for place in then if place in now and now[place] != then[place]]),
        ("removed", [place for place in then if place not in now]),
        ("added", [place for place in now if place not in then]),
    )
    breaks = [wrong(what, sorted(places)) for what, places in differences if places]
    breaks += invalid_line_breaks(sealed.key, found, f", and was put there after seal {number}", number)
    yield from breaks or [_moved(number, sealed, found)]


def _moved(number: int, sealed: SealedObject, found: Contents) -> IntegrityBreak:
    """Return the failure of an object that holds the sealed records in another order, number or text form."""
    then = [place for place, _ in sealed.records]
    now = [each.position for each in found.entries]
    differing = next((a for a, b in zip(then, now, strict=False) if a != b), None)
    if differing is None and len(then) == len(now):
        sentence = f"{sealed.key} was rewritten after seal {number}: the same records in other bytes."
        return IntegrityBreak(sentence, number, sealed.key)
    first = differing or max(then, now, key=len)[min(len(then), len(now))]
    sentence = (
        f"In {sealed.key}, records were put into another order, or repeated, after seal {number}, from {first} on."
    )
    return IntegrityBreak(sentence, number, sealed.key, (first,))


PUBLISHED_WITHIN = timedelta(days=97)
"""A record is published within this time after it was written.

The audit table keeps it for 100 days, and compares it for 99. So a record of an open day is compared for at least a
day. Without this limit, a forged record with an old time would never be compared.
"""


def late_record_breaks(contents: Mapping[str, Contents], but: frozenset[RecordPosition]) -> Iterator[IntegrityBreak]:
    """Yield failures for records that were published too long after their time, except at the positions in `but`."""
    for key, found in contents.items():
        day = day_of(key)
        if day is None or day < _EARLIEST:
            continue
        latest = int(datetime.combine(day - PUBLISHED_WITHIN, time(), UTC).timestamp())
        late = tuple(
            each.position
            for each in found.entries
            if each.time is not None and each.time < latest and each.position not in but
        )
        if late:
            kept = f"more than {PUBLISHED_WITHIN.days} days before it was published, when the audit table had no copy"
            yield IntegrityBreak(f"In {key}, {describe_records(late)}: forged, with a time {kept}.", None, key, late)


_EARLIEST = date(1970, 1, 1) + PUBLISHED_WITHIN


def altered_record_breaks(contents: Mapping[str, Contents], but: frozenset[RecordPosition]) -> Iterator[IntegrityBreak]:
    """Yield failures for records whose hash does not match their content, except at the positions in `but`."""
    for key, found in contents.items():
        broken = tuple(each.position for each in found.entries if not each.intact and each.position not in but)
        if broken:
            content = "its content" if len(broken) == 1 else "their content"
            yield IntegrityBreak(
                f"In {key}, the hash of {describe_records(broken)} does not match {content}.", None, key, broken
            )
