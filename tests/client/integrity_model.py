"""What a verification must say, and what it may say: from what happened to the records, and docs/integrity.md alone.

The model compares the stores with what was written. It knows no hash, no chain of hashes and no signature.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from jitney.core.integrity.findings import Findings
from jitney.core.times import epoch, utc_date

HOUR, DAY = 3600, 24 * 3600
SKEW = 900
"""How far clocks may differ."""
_NAME = re.compile(r"records/dt=(\d{4}-\d\d-\d\d)/([A-Za-z0-9][A-Za-z0-9-]*)?")

Thing = tuple[Any, ...]
"""What a failure names: ("object", key), ("record", chain, number), ("seal", number), or ("end",) of the seals."""
Position = tuple[str, int]


class Written(NamedTuple):
    """A record that a function wrote: its text, the time by the function's clock, and the time by DynamoDB's."""

    text: str
    at: int
    added_at: int


class NotedSeal(NamedTuple):
    """A seal that the model saw being made."""

    number: int
    time: str
    genuine: bool


class Expected(NamedTuple):
    """What some failure must name, and what failures may name. A failure names one such thing at least."""

    must: frozenset[Thing]
    may: frozenset[Thing]


@dataclass
class Truth:
    """What happened. `altered` are the records that the audit table no longer has as they were written.

    `bodies` and `covering` are the content and the seal of each object when it was sealed.
    """

    written: dict[Position, Written] = field(default_factory=dict)
    altered: set[Position] = field(default_factory=set)
    seals: list[NotedSeal] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    covering: dict[str, int] = field(default_factory=dict)
    bad_seals: set[int] = field(default_factory=set)

    def covered_by_next(self, objects: Mapping[str, bytes], time: str) -> set[str]:
        """Return the objects that a seal made at `time` must list."""
        opens = _day_before(self.seals[-1].time) if self.seals else date.min
        days = {key: day_of(key) for key in objects if key not in self.covering}
        return {key for key, day in days.items() if day and opens <= day <= date.fromisoformat(time[:10])}

    def note_seal(self, number: int, time: str, objects: Mapping[str, bytes]) -> None:
        """Note a seal that the sealer made over these objects."""
        self.seals.append(NotedSeal(number, time, genuine=True))
        self.bodies |= objects
        self.covering |= dict.fromkeys(objects, number)

    def expected(self, objects: Mapping[str, bytes], now: int) -> Expected:
        """Return what a verification at `now` says about these objects."""
        must: set[Thing] = {("seal", each) for each in self.bad_seals}
        may: set[Thing] = {("seal", each + 1) for each in self.bad_seals}
        for key in objects.keys() | self.bodies.keys():
            for thing, certain in self._of_object(key, objects.get(key), now):
                (must if certain else may).add(thing)
        for thing, certain in list(self._missing(objects, now, must | may)):
            (must if certain else may).add(thing)
        genuine = [each for each in self.seals if each.genuine]
        if genuine and now - epoch(genuine[-1].time) > 3 * HOUR:
            must.add(("end",))
        return Expected(frozenset(must), frozenset(must | may))

    def _of_object(self, key: str, body: bytes | None, now: int) -> Iterator[tuple[Thing, bool]]:
        sealed = self.bodies.get(key)
        if sealed is not None and body != sealed:
            yield ("object", key), True
            for line in (*sealed.splitlines(), *(body or b"").splitlines()):
                if position := position_of(line):
                    yield ("record", *position), False
            return
        assert body is not None
        day, hidden = day_of(key), not _NAME.fullmatch(key)
        added = sealed is None and not self._open(day, now)
        if added:
            yield ("object", key), not self.bad_seals
        if hidden and body:
            yield ("object", key), not added
        found = [each for each in map(position_of, body.splitlines()) if each] if added or hidden else []
        yield from ((("record", *each), False) for each in found)
        yield from ((("record", chain, seq + 1), False) for chain, seq in found)  # which names another predecessor
        for position in self._wrong_lines(body, day):
            yield ("object", key) if position is None else ("record", *position), not added
            yield ("object", key), False

    def _wrong_lines(self, body: bytes, day: date | None) -> Iterator[Position | None]:
        """Yield the records that no function wrote so, that the table has no longer, or that were moved."""
        for line in body.splitlines():
            position = position_of(line)
            found = self.written.get(position) if position else None
            moved = found is not None and day is not None and day < utc_date(found.at - SKEW)
            if found is None or found.text.encode() != line or position in self.altered or moved:
                yield position

    def _open(self, day: date | None, now: int) -> bool:
        """Return whether a later seal covers objects of this day."""
        genuine = [each for each in self.seals if each.genuine]
        opens = _day_before(genuine[-1].time) if genuine else date.min
        return day is not None and opens <= day <= utc_date(now + SKEW)

    def _missing(self, objects: Mapping[str, bytes], now: int, named: set[Thing]) -> Iterator[tuple[Thing, bool]]:
        """Yield the records that are in no object, and whether a verification must know that.

        A later record of the chain shows a gap, unless a failure has `named` that record.
        """
        places: dict[Position, set[str]] = {}
        for key, body in (*self.bodies.items(), *objects.items()):
            for line in body.splitlines():
                if position := position_of(line):
                    places.setdefault(position, set()).add(key)
        last = max((each.number for each in self.seals if each.genuine), default=-1)
        for position, found in self.written.items():
            if position in places or found.at > now - SKEW:
                continue
            chain, seq = position
            earlier = [each for name, each in places if name == chain and each < seq]
            later = [each for name, each in places if name == chain and each > seq]
            follows = bool(earlier) and not later and not self._altered_between(chain, max(earlier), seq)
            settled = any(
                self.covering.get(key, last) != last
                for each in later[:1]
                for key in places[chain, min(later)]
                if objects.get(key) == self.bodies.get(key)
            )
            settled = settled and ("record", chain, min(later)) not in named
            known = now - found.added_at < DAY or follows or settled
            yield ("record", *position), known

    def _altered_between(self, chain: str, first: int, last: int) -> bool:
        return any((chain, seq) in self.altered for seq in range(first, last + 1))


def check_findings(findings: Findings, expected: Expected, *, everything: bool) -> None:
    """Assert that each failure is expected. With `everything`, each expected failure must be there."""
    named: set[Thing] = set()
    for each in findings.breaks:
        things: set[Thing] = {("record", place.chain, place.seq) for place in each.records}
        things |= {("object", each.object)} if each.object else set()
        ends = each.sentence.startswith("The seals end too early")
        things |= {("end",)} if ends else set() if each.seal is None or each.object else {("seal", each.seal)}
        assert things & expected.may, ("a false alarm", each.sentence)
        named |= things
    if everything:
        assert expected.must <= named, ("not named", sorted(map(str, expected.must - named)))


def position_of(line: bytes) -> Position | None:
    """Return the chain and the number in a line, or None if it is no record."""
    try:
        members = json.loads(line)
        return str(members["chain"]), int(members["seq"])
    except (ValueError, KeyError, TypeError):
        return None


def day_of(key: str) -> date | None:
    """Return the day of an object's folder."""
    found = re.match(r"records/dt=(\d{4}-\d\d-\d\d)/", key)
    return date.fromisoformat(found[1]) if found else None


def _day_before(time: str) -> date:
    return date.fromisoformat(time[:10]) - timedelta(days=1)
