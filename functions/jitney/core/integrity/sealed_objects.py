"""Compare objects with their seals, and find what was changed, removed, added or reordered."""

from collections.abc import Iterator, Mapping

from jitney.core.integrity.contents import Contents, RecordPosition
from jitney.core.integrity.findings import IntegrityBreak, describe_records
from jitney.core.integrity.seals import SealedObject


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


def altered_record_breaks(contents: Mapping[str, Contents], but: frozenset[RecordPosition]) -> Iterator[IntegrityBreak]:
    """Yield failures for records whose hash does not match their content, except at the positions in `but`."""
    for key, found in contents.items():
        broken = tuple(each.position for each in found.entries if not each.intact and each.position not in but)
        if broken:
            content = "its content" if len(broken) == 1 else "their content"
            yield IntegrityBreak(
                f"In {key}, the hash of {describe_records(broken)} does not match {content}.", None, key, broken
            )
