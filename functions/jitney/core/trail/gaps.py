"""Gaps: times from which no heartbeat of CloudTrail arrived, so that calls may be missing (rows OPS 1, AUD 4).

The correlator stores the time of each account's newest heartbeat (`core.trail.heartbeat`). The reconciler compares that
time with the clock, and records when a gap begins and ends.
"""

from collections.abc import Iterable
from typing import NamedTuple

from jitney.core.access.grant import GRANT_RETENTION_SECONDS
from jitney.core.records.audit import GENESIS_HASH, AuditEvent, AuditRecord, ChainedRecord, Outcome, chain_record
from jitney.core.times import iso
from jitney.core.trail.heartbeat import BROKER
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS

GAP_SECONDS = MAX_EVENT_DELAY_SECONDS
"""A longer time without a heartbeat is a gap. The alarms of a silent trail wait as long (infra.alarms)."""
KEPT_SECONDS = GRANT_RETENTION_SECONDS + 10 * 86_400
"""How long a watch keeps an ended gap: longer than the reviewers' pages show any grant of the gap's time."""
MOST_KEPT = 5000
"""How many ended gaps a watch keeps. Gaps of `GAP_SECONDS` are fewer in that time, so no gap displaces another one."""
UNORDERED_SECONDS = 900
"""A gap may hide calls this long before and after it, because CloudTrail's events do not arrive in order.

They arrive within 5 minutes on average (`core.trail.join`). A heartbeat may arrive before the events of earlier calls.
"""
_MISSING = f"Calls of that time, and of {UNORDERED_SECONDS // 60} minutes before and after, may be missing here."


class TrailGap(NamedTuple):
    """A time without heartbeats, in epoch seconds. `until` is None while the gap lasts.

    `target` is a target's alias, or BROKER for the broker's own account.
    """

    target: str
    since: int
    until: int | None = None

    def overlaps(self, first: int, last: int) -> bool:
        """Return whether the gap may hide calls between two times."""
        before, after = self.since - UNORDERED_SECONDS, (self.until or last) + UNORDERED_SECONDS
        return before < last and after > first

    @property
    def sentence(self) -> str:
        """The gap in words, for a report."""
        whose = "Jitney's own account" if self.target == BROKER else f"target {self.target}"
        period = f"since {iso(self.since)}"
        if self.until is not None:
            period = f"from {iso(self.since)} to {iso(self.until)}"
        return f"CloudTrail was silent {period}, for {whose}. {_MISSING}"


class OpenGap(NamedTuple):
    """A gap that has not ended, with its chain of records and the last record's hash."""

    since: int
    chain: str
    chain_head: str


class TrailWatch(NamedTuple):
    """What is known of one account's events: the time of the newest heartbeat, and the gaps, the newest first."""

    target: str
    seen_at: int
    open_gap: OpenGap | None = None
    ended: tuple[TrailGap, ...] = ()

    @property
    def gaps(self) -> tuple[TrailGap, ...]:
        """All known gaps, the newest first."""
        lasting = (TrailGap(self.target, self.open_gap.since),) if self.open_gap else ()
        return (*lasting, *self.ended)


class GapChange(NamedTuple):
    """The watch after a gap began or ended, and the record of this change."""

    after: TrailWatch
    record: ChainedRecord


def change_of_gap(watch: TrailWatch, new_chain: str, account: str, now: int) -> GapChange | None:
    """Return the change if a gap began or ended by `now`; None if neither happened.

    `new_chain` is the chain of a new gap's records. `account` is the target's account, or "" for the broker's.
    """
    gap = watch.open_gap
    if gap is None:
        if now - watch.seen_at <= GAP_SECONDS:
            return None
        began = TrailGap(watch.target, watch.seen_at)
        record = chain_record(_record(Outcome.SET, began, account, now), new_chain)
        return GapChange(watch._replace(open_gap=OpenGap(began.since, new_chain, record.hash)), record)
    if watch.seen_at <= gap.since:
        return None
    ended = TrailGap(watch.target, gap.since, watch.seen_at)
    record = chain_record(_record(Outcome.ENDED, ended, account, now), gap.chain, 1, gap.chain_head or GENESIS_HASH)
    kept = (each for each in watch.ended[: MOST_KEPT - 1] if (each.until or now) > now - KEPT_SECONDS)
    return GapChange(watch._replace(open_gap=None, ended=(ended, *kept)), record)


def gaps_during(gaps: Iterable[TrailGap], target: str, first: int, last: int) -> tuple[TrailGap, ...]:
    """Return the gaps that may hide calls on `target` between two times, in order.

    Gaps of the broker's account are included, because that account's events show who started the target's sessions.
    """
    found = (each for each in gaps if each.target in (BROKER, target) and each.overlaps(first, last))
    return tuple(sorted(set(found), key=lambda each: (each.since, each.target)))


def _record(outcome: Outcome, gap: TrailGap, account: str, now: int) -> AuditRecord:
    detail = {"since": iso(gap.since)} | ({"until": iso(gap.until)} if gap.until is not None else {})
    return AuditRecord(
        time=now, event=AuditEvent.TRAIL_GAP, outcome=outcome, target=gap.target, account=account, detail=detail
    )
