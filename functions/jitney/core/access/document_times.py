"""When the deny documents of a role were composed.

They show, without a measurement, that IAM denies a grant (END 6).
"""

from typing import NamedTuple, Self

from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS

RECORDED_SECONDS = 30
"""A release or revocation that began at `ended_at` has written its deny entry before this time is over.

The function has 15 s. The rest is for clocks that differ.
"""
IN_FORCE_SECONDS = 60
"""How long after its composition a document is in force: at most 20 s for its write, the rest for IAM to apply it."""


class DocumentTimes(NamedTuple):
    """The times (epoch seconds) of two documents that IAM accepted, `IN_FORCE_SECONDS` or more apart. 0 for none.

    On a busy role, a document is written each second. Only an older document shows what has been in force.
    """

    last: int = 0
    before: int = 0

    def with_document(self, composed_at: int) -> Self:
        """Return the times after IAM accepted a document whose entries were read at `composed_at` or later."""
        is_later = composed_at - self.last >= IN_FORCE_SECONDS
        return self._replace(last=composed_at, before=self.last) if is_later else self

    def is_recent(self, now: int, seconds: int) -> bool:
        """Return whether IAM accepted a document in the last `seconds`.

        False for a time in the future, which a wrong clock wrote.
        """
        return now - seconds <= self.last <= now + CLOCK_SKEW_SECONDS

    def is_before(self, time: int) -> bool:
        """Return whether the last document that IAM accepted is from before `time`. False without a document."""
        return 0 < self.last < time

    def covers(self, ended_at: int, now: int) -> bool:
        """Return whether a document that denies a grant ended at `ended_at` is in force at `now`.

        A time in the future covers nothing, because a wrong clock wrote it.
        """
        in_force = self.last if now >= self.last + IN_FORCE_SECONDS else self.before
        return ended_at + RECORDED_SECONDS <= in_force <= now
