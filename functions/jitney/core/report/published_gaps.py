"""The gaps of CloudTrail in published records, and their sentences in reports (row AUD 4)."""

from collections.abc import Iterable, Iterator

from jitney.core.access.request import Way
from jitney.core.records.audit import AuditEvent
from jitney.core.report.grant_report import ReportedWay, Times
from jitney.core.report.published_lines import PublishedRecord
from jitney.core.trail.gaps import TrailGap, gaps_during

GATEWAY_CALLS_RECORDED = "Jitney recorded the calls through the gateway itself."


def is_gap(record: PublishedRecord) -> bool:
    """Return whether a record says that a gap began or ended."""
    return record.event == AuditEvent.TRAIL_GAP


def published_gaps(records: Iterable[PublishedRecord]) -> tuple[TrailGap, ...]:
    """Return the gaps in any order. A gap without a record of its end has not ended.

    Of several ends, such as after a restore of the tables, the last one counts. Records without times are left out.
    """
    found: dict[tuple[str, int], int] = {}
    for each in filter(is_gap, records):
        if since := each.time_of("since"):
            key = (each.target, since)
            found[key] = max(found.get(key, 0), each.time_of("until"))
    return tuple(TrailGap(target, since, until or None) for (target, since), until in found.items())


def gaps_of_grant(gaps: Iterable[TrailGap], target: str, times: Times, now: int) -> tuple[TrailGap, ...]:
    """Return the gaps that may hide calls of a grant. No calls are made in a grant before its decision."""
    return gaps_during(gaps, target, times.decided or times.requested, times.ended or now)


def gap_warnings(gaps: Iterable[TrailGap], way: ReportedWay) -> Iterator[str]:
    """Yield what readers of the report must know about these gaps."""
    addition = f" {GATEWAY_CALLS_RECORDED}" if way.name == Way.GATEWAY else ""
    yield from (each.sentence + addition for each in gaps)
