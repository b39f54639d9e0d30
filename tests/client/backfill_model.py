"""What CloudTrail knows in a generated life, and the verdict on each event. It does not use Jitney's code.

What explains an event comes from docs/trail.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

MINUTE, DAY = 60, 86_400
UNKNOWN_ORIGIN = ("key_not_issued",)
PRECEDENCE = {"": 0, "key_not_issued": 1, "explained": 2, "beyond_grant": 3, "bypass": 4}
"""A verdict may only rise. A key whose origin is unknown may be a bypass or not."""


@dataclass
class KeyOrigin:
    """A key: its session's name, and who started the session by each event that says so.

    That is "jitney", "admin", or "self" if a session of the role started it. `parent` is the key from which it was
    scoped down.
    """

    session: str
    starts: dict[str, str]
    parent: str = ""


class MadeEvent(NamedTuple):
    """An event that AWS made. `day` is the day of its file, or None if no trail logged it.

    `recent` is whether Jitney still has the grants of that time.
    """

    id: str
    at: int
    key: str
    issues: bool
    denied: bool
    granted: bool
    recent: bool
    day: date | None


@dataclass
class Truth:
    """All events, keys and grants. `ends` maps a grant's id to its end; `forgotten` grants are deleted."""

    ends: dict[str, int]
    forgotten: str
    events: dict[str, MadeEvent] = field(default_factory=dict)
    keys: dict[str, KeyOrigin] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    """The ids of the events that a rule forwarded, or that a file has."""

    def chain(self, key: str) -> Iterator[KeyOrigin]:
        """Yield the origins of a key and of those from which it was scoped down."""
        while key:
            yield self.keys[key]
            key = self.keys[key].parent

    def expected(self, event_id: str) -> tuple[str, ...] | None:
        """Return the reasons of the final verdict; None for no verdict. A disputed key has the reason "disputed"."""
        made = self.events[event_id]
        session = self.keys[made.key].session
        if event_id not in self.seen:
            return None
        if session == self.forgotten:
            return ("unknown_grant",) if made.recent else None
        if session not in self.ends:
            return ("unknown_session_name",)
        if made.at > self.ends[session] + MINUTE and not made.denied:
            return ("after_the_end",)
        chain = list(self.chain(made.key))
        claims = [[by for start, by in each.starts.items() if start in self.seen] for each in chain]
        if not all(claims):
            return UNKNOWN_ORIGIN
        if any(len(each) > 1 for each in claims):
            return ("disputed",)
        if claims[-1] != ["jitney"]:
            return ("not_issued_by_jitney",)
        return () if made.granted or made.denied else ("action_not_granted",)

    def known_in_time(self, event_id: str) -> bool:
        """Return whether files of the event's day, or of the days next to it, have the origin of its key."""
        made = self.events[event_id]
        starts = [[self.events[start].day for start in each.starts] for each in self.chain(made.key)]
        return made.day is not None and all(
            any(day and abs((day - made.day).days) <= 1 for day in days) for days in starts
        )


def rank(reasons: tuple[str, ...] | None) -> int:
    """Return the rank of a verdict: it must never fall."""
    if reasons is None:
        return PRECEDENCE[""]
    words = {(): "explained", ("action_not_granted",): "beyond_grant", UNKNOWN_ORIGIN: "key_not_issued"}
    return PRECEDENCE[words.get(reasons, "bypass")]
