"""Counts the refusals that callers can cause without limit, so that many refusals cause few writes (ID 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_SOURCES = 64
OTHERS = "others"


class RefusalKey(NamedTuple):
    """What is counted together: the issuer ("unknown" if there is none), the caller's address, the problem code.

    `principal` was refused, and `human` if it acts for one. Both are "" for unauthenticated callers.
    """

    issuer: str
    source_ip: str
    code: str
    principal: str = ""
    human: str = ""


@dataclass(slots=True)
class RefusalCounts:
    """The counts of one minute in one process.

    A count is written at 1, 2, 4, 8, ... and when the minute is over. So n refusals cause about log2(n) writes. A
    process that stops loses fewer refusals than it has written. Above `MAX_SOURCES` addresses in a minute, all others
    share one count.
    """

    minute: int = 0
    counts: dict[RefusalKey, int] = field(default_factory=dict)
    written: dict[RefusalKey, int] = field(default_factory=dict)

    def add(self, refused: RefusalKey, now: int) -> list[tuple[RefusalKey, int, int]]:
        """Count one refusal at `now` (epoch seconds). Return the counts that must be written now.

        Each has a key, the refusals since the last write, and the minute.
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
        """Once `now` is in a later minute, yield the counts of the last minute that are not written yet."""
        if now // 60 == self.minute:
            return
        for refused, count in self.counts.items():
            if count > self.written[refused]:
                yield refused, count - self.written[refused], self.minute
        self.minute, self.counts, self.written = now // 60, {}, {}
