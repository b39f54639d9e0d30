"""Counts of refusals that callers can cause without limit, so that a flood of them is not a flood of writes (ID 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_SOURCES = 64
OTHERS = "others"


class RefusalKey(NamedTuple):
    """What one count is about: the issuer ("unknown" if there is none), the caller's address, the problem code.

    `principal`, and `human` if it acts for one, were refused; both are "" for unauthenticated callers.
    """

    issuer: str
    source_ip: str
    code: str
    principal: str = ""
    human: str = ""


@dataclass(slots=True)
class RefusalCounts:
    """The counts of one minute in one process.

    A count is written at 1, 2, 4, 8, ... and when the minute is over, so that n refusals cause about log2(n) writes. A
    stopped process loses fewer refusals than it has written. Beyond `MAX_SOURCES` addresses a minute, the rest is
    counted together.
    """

    minute: int = 0
    counts: dict[RefusalKey, int] = field(default_factory=dict)
    written: dict[RefusalKey, int] = field(default_factory=dict)

    def add(self, refused: RefusalKey, now: int) -> list[tuple[RefusalKey, int, int]]:
        """Count one refusal at `now` (epoch seconds) and return the counts to write now.

        Each is a key, its refusals since the last write, and the minute.
        """
        due = list(self._close(now))
        if refused not in self.counts and len(self.counts) >= MAX_SOURCES:
            refused = refused._replace(source_ip=OTHERS, principal="", human="")
        count = self.counts.get(refused, 0) + 1
        self.counts[refused] = count
        if count & (count - 1) == 0:
            due.append((refused, count - self.written.get(refused, 0), self.minute))
            self.written[refused] = count
        return due

    def _close(self, now: int) -> Iterator[tuple[RefusalKey, int, int]]:
        """Yield what the last minute has left to write, once `now` is past it."""
        if now // 60 == self.minute:
            return
        for refused, count in self.counts.items():
            if count > self.written[refused]:
                yield refused, count - self.written[refused], self.minute
        self.minute, self.counts, self.written = now // 60, {}, {}
