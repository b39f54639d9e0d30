"""The times without CloudTrail, as warnings of answers that list calls: in these times, calls may be missing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from jitney.client.audit.audit_names import Source
from jitney.client.audit.record_lines import GAPS_BEFORE_DAYS, day_after
from jitney.core.report.published_gaps import is_gap, published_gaps
from jitney.core.report.published_lines import PublishedRecord, parse_record

GAPS = """
SELECT dt, chain, seq, hash, event, outcome, time, target, detail
FROM records
WHERE event = 'trail_gap' AND dt >= ?
"""
READ_CALLS = frozenset(
    {
        "calls",
        "unique_calls",
        "grant_timeline",
        "used_versus_granted",
        "denied_calls",
        "bypasses",
        "resource_changes_by_day",
        "ocsf_api_activity",
    }
)
"""The table of calls, and the views that read it."""
_READ = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)", re.ASCII)


def reads_calls(sql: str) -> bool:
    """Return whether a query reads calls from CloudTrail."""
    return not READ_CALLS.isdisjoint(_READ.findall(sql))


def silences(source: Source, since: date, until: date) -> tuple[str, ...]:
    """Return a sentence for each time from day `since` to day `until` in which CloudTrail was silent."""
    rows = source.run(GAPS, (day_after(since, -GAPS_BEFORE_DAYS).isoformat(),)).records()
    first, last = datetime.combine(since, time.min, UTC), datetime.combine(until, time.max, UTC)
    times = int(first.timestamp()), int(last.timestamp())
    gaps = published_gaps(record for _, record in gap_records(rows))
    return tuple(each.sentence for each in sorted(gaps, key=lambda gap: gap.since) if each.overlaps(*times))


def gap_records(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], PublishedRecord]]:
    """Yield the rows that are records of gaps, each with its record."""
    for row in rows:
        record = parse_record({name: value for name, value in row.items() if value is not None})
        if record and is_gap(record):
            yield row, record
