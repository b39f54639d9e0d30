"""Counts the refusals that callers can cause without limit, so that many refusals cause few writes (ID 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from jitney.core.identity.principal import Principal
from jitney.core.records.audit import AuditEvent, AuditRecord, Origin, Outcome
from jitney.core.stored_identity import name_of

MAX_SOURCES = 64
"""The limit of counts in a minute, for the callers of each accountable unit, and for all unauthenticated callers."""
OTHERS = "others"


class RefusalKey(NamedTuple):
    """The key of a refusal. Refusals with the same key are counted together.

    It has the issuer ("unknown" if there is none), the caller's address, and the problem code. `principal`, `subject`,
    `unit` and `human` are those of the refused caller, or "" for unauthenticated callers. `event` is what was refused,
    and `grant` the id of its grant, "" if there is none.
    """

    issuer: str
    source_ip: str
    code: str
    principal: str = ""
    subject: str = ""
    unit: str = ""
    human: str = ""
    event: AuditEvent = AuditEvent.REFUSAL
    grant: str = ""

    def record(self, count: int, time: int, request_id: str = "") -> AuditRecord:
        """Return the record of `count` refusals at `time` (epoch seconds); `request_id` is the latest request's."""
        return AuditRecord(
            time=time,
            event=self.event,
            outcome=Outcome.REFUSED,
            code=self.code,
            issuer=self.issuer,
            principal=self.principal,
            subject=self.subject,
            unit=self.unit,
            human=self.human,
            source_ip=self.source_ip,
            request_id=request_id,
            count=count,
            detail={"grant": self.grant} if self.grant else {},
        )


def refusal_of(
    principal: Principal, code: str, origin: Origin, event: AuditEvent = AuditEvent.REFUSAL, grant: str = ""
) -> RefusalKey:
    """Return the key under which refusals of an authenticated principal are counted."""
    who = (principal.source_identity, principal.subject, principal.unit, name_of(principal.human))
    return RefusalKey(principal.issuer, origin.source_ip, code, *who, event, grant)


@dataclass(slots=True)
class RefusalCounts:
    """The counts of one minute in one process.

    A count is written at 1, 2, 4, 8, ... and when the minute is over. So n refusals cause about log2(n) writes. A
    process that stops loses fewer refusals than it has already written. Each accountable unit has counts of its own, so
    that other callers cannot hide its refusals. Above `MAX_SOURCES` of them in a minute, further refusals share one
    count for each issuer and code.
    """

    minute: int = 0
    counts: dict[RefusalKey, int] = field(default_factory=dict)
    written: dict[RefusalKey, int] = field(default_factory=dict)

    def add(self, refused: RefusalKey, now: int) -> list[tuple[RefusalKey, int, int]]:
        """Count one refusal at `now` (epoch seconds). Return the counts that must be written now.

        Each has a key, the refusals since the last write, and the minute.
        """
        due = list(self._close(now))
        if refused not in self.counts and self._is_full(refused.unit):
            refused = RefusalKey(refused.issuer, OTHERS, refused.code, unit=refused.unit)
        count = self.counts.get(refused, 0) + 1
        self.counts[refused] = count
        if count & (count - 1) == 0:
            due.append((refused, count - self.written.get(refused, 0), self.minute))
            self.written[refused] = count
        return due

    def _is_full(self, unit: str) -> bool:
        alike = (each for each in self.counts if each.unit == unit and each.source_ip != OTHERS)
        return sum(1 for _ in alike) >= MAX_SOURCES

    def _close(self, now: int) -> Iterator[tuple[RefusalKey, int, int]]:
        """If `now` is in a later minute, yield the counts of the last minute that are not written yet."""
        if now // 60 == self.minute:
            return
        for refused, count in self.counts.items():
            if count > self.written[refused]:
                yield refused, count - self.written[refused], self.minute
        self.minute, self.counts, self.written = now // 60, {}, {}
