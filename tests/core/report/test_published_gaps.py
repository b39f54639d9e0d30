"""The gaps of CloudTrail that published records name (row AUD 4)."""

import json
from itertools import permutations

from jitney.core.report.published_gaps import published_gaps
from jitney.core.report.published_lines import PublishedRecord, parse_record
from jitney.core.times import iso
from jitney.core.trail.gaps import TrailGap
from tests.fakes import NOW


def gap_record(chain: str, until: int | None = None, target: str = "prod") -> PublishedRecord:
    detail = {"since": iso(NOW)} | ({"until": iso(until)} if until else {})
    line = {"chain": chain, "seq": int(bool(until)), "event": "trail_gap", "target": target, "time": iso(NOW)}
    record = parse_record(line | {"outcome": "ended" if until else "set", "detail": json.dumps(detail)})
    assert record
    return record


def test_aud_04_the_last_end_of_a_gap_counts_in_any_order_of_the_records():
    """After a restore of the tables, the same gap may be recorded again, with another end."""
    records = [gap_record("r-1"), gap_record("r-1", NOW + 100), gap_record("r-2"), gap_record("r-2", NOW + 9000)]
    found = {published_gaps(each) for each in permutations([*records, records[0]])}
    assert found == {(TrailGap("prod", NOW, NOW + 9000),)}


def test_aud_04_a_gap_without_an_end_lasts_and_concerns_its_target_only():
    assert set(published_gaps([gap_record("r-1"), gap_record("r-2", NOW + 100, "other")])) == {
        TrailGap("prod", NOW),
        TrailGap("other", NOW, NOW + 100),
    }
