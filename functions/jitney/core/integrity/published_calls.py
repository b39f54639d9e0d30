"""Compares published calls with the audit table.

Calls are not sealed. Their folder is the day of the call, and a call may arrive on any later day. So the sealer could
find new calls only by listing the whole bucket. The audit table has each call for 400 days instead, and a change of the
table raises an alarm.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jitney.core.integrity.contents import read_lines
from jitney.core.integrity.findings import MOST_NAMED, IntegrityBreak
from jitney.core.integrity.object_names import HIDDEN, is_read_by_athena
from jitney.core.quantities import format_list
from jitney.core.trail.call import calls_partition
from jitney.core.trail.call_line import verdict_key

FOLDER = "calls/"


class CallPlace(NamedTuple):
    """The key of a call's verdict in the audit table."""

    partition: str
    number: str

    @property
    def event_id(self) -> str:
        """The CloudTrail event's id."""
        return self.number.partition("#")[2]


class StoredCall(NamedTuple):
    """A call: its place, the SHA-256 of its line, its day (ISO 8601), its grant, or "", and its gateway call, or ""."""

    place: CallPlace
    digest: str
    day: str
    grant_id: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class CallContents:
    """The calls of an object, and the numbers of the lines that are not calls."""

    calls: tuple[StoredCall, ...]
    invalid_lines: tuple[int, ...] = ()


def read_calls(body: bytes) -> CallContents:
    """Return the calls in an object. Any bytes are accepted."""
    return CallContents(*read_lines(body, read_call))


def read_call(line: bytes) -> StoredCall | None:
    """Return the call in a line; None for other bytes."""
    try:
        members = json.loads(line)
        place = CallPlace(
            calls_partition(members["account"], members["access_key_id"]),
            verdict_key(members["event_id"], members["reasons"]),
        )
        day, grant, call_id = members["time"][:10], members["grant_id"], members.get("call_id", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not (isinstance(day, str) and isinstance(grant, str) and isinstance(call_id, str)):
        return None
    return StoredCall(place, hashlib.sha256(line).hexdigest(), day, grant, call_id)


def call_breaks(
    contents: Mapping[str, CallContents], held: Mapping[CallPlace, StoredCall], recent: Iterable[StoredCall]
) -> Iterator[IntegrityBreak]:
    """Yield the differences between objects of calls and the audit table.

    `held` are the calls of the table at the places that the objects name. `recent` are calls of the table that must be
    in the objects.
    """
    published = set()
    for key, found in sorted(contents.items()):
        differences: dict[str, list[StoredCall]] = {_FORGED: [], _CHANGED: [], _MOVED: [], "": []}
        for each in found.calls:
            differences[_difference(key, each, held.get(each.place))].append(each)
        published |= {each.place for each in found.calls}
        del differences[""]
        differences[HIDDEN] = [] if is_read_by_athena(key) else list(found.calls)
        for words, calls in differences.items():
            yield from _named(key, calls, words)
        yield from (IntegrityBreak(f"Line {each} of {key} is not a call.", None, key) for each in found.invalid_lines)
    absent = [each for each in sorted(set(recent)) if each.place not in published]
    yield from _named("", absent, "missing in S3, but the audit table has them")


_FORGED = "forged, because the audit table has no such call"
_CHANGED = "changed, because the audit table has other content"
_MOVED = "moved, because the object is in the folder of another day"


def _difference(key: str, call: StoredCall, written: StoredCall | None) -> str:
    if written is None:
        return _FORGED
    if written.digest != call.digest:
        return _CHANGED
    return "" if key.startswith(f"{FOLDER}dt={call.day}/") else _MOVED


def _named(key: str, calls: list[StoredCall], words: str) -> Iterator[IntegrityBreak]:
    if not calls:
        return
    ids = [each.place.event_id for each in calls]
    where = f"In {key}, " if key else ""
    kind = "call" if len(ids) == 1 else "calls"
    sentence = f"{where}{kind} {format_list(ids, MOST_NAMED)}: {words}."
    grants = tuple(sorted({each.grant_id for each in calls} - {""}))
    yield IntegrityBreak(f"{sentence[0].upper()}{sentence[1:]}", None, key, grants=grants)
