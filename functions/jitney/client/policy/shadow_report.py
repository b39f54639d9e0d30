"""The result of `jitney policy shadow`, as JSON and as rows. Needs the extra `policy`."""

from collections.abc import Iterator, Mapping
from typing import Any

from jitney.client.audit.record_lines import UNVERIFIED, ReadingProgress
from jitney.client.policy.replay_report import ReplayOptions, answer_document, table
from jitney.core.access.request import permissions_view
from jitney.core.integrity.answer_integrity import unchecked
from jitney.core.quantities import quantity
from jitney.core.replay.recorded_requests import DecisionLines
from jitney.core.replay.shadow_log import ShadowDifference, ShadowLog
from jitney.core.times import iso

TITLE = "The shadow's answers were not read"
SHOWN_VERSION = 12
"""How many characters of a policy version are shown to people."""
__all__ = ["ReplayOptions", "counts", "document", "shadowed", "table"]


def shadowed(options: ReplayOptions, progress: ReadingProgress) -> ShadowLog:
    """Return the shadow's decisions in the records. Raises Invalid."""
    log = ShadowLog(DecisionLines(options.dry_runs))
    for line in options.source.lines(TITLE, progress):
        log.add(line)
    return log


def document(log: ShadowLog) -> dict[str, Any]:
    """Return the answers of the shadow as JSON, with each difference."""
    return {
        "compared": log.compared,
        "versions": [{"version": version, "count": count} for version, count in log.versions.most_common()],
        "effects": [
            {"before": before, "after": after, "count": count} for (before, after), count in sorted(log.effects.items())
        ],
        "changes": [_change(each) for each in log.differences],
        "errors": [{"error": name, "count": count} for name, count in log.errors.most_common()],
        "without": log.without,
        "unreadable_lines": log.decisions.unreadable,
        "integrity": unchecked(UNVERIFIED).document(),
    }


def _change(each: ShadowDifference) -> dict[str, Any]:
    record = each.record
    return {
        "time": iso(record.time),
        "chain": record.chain,
        "seq": record.seq,
        "grant_id": record.grant_id,
        "principal": record.principal,
        "human": record.human,
        "target": record.target,
        "permissions": permissions_view(record.permissions),
        "access_profile": str(record.members_of("access_profile").get("name", "")),
        "duration_seconds": record.duration_seconds,
        "shadow_version": each.version,
        "before": answer_document(each.before),
        "after": answer_document(each.after),
    }


def counts(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the counts as rows."""
    for each in result["versions"]:
        yield "shadow", f"version {each['version'][:SHOWN_VERSION]}, {quantity(each['count'], 'decision')}"
    for each in result["effects"]:
        same = " by other reviewers" if each["before"] == each["after"] else ""
        yield "differs", f"{quantity(each['count'], 'decision')}: active {each['before']}, shadow {each['after']}{same}"
    for each in result["errors"]:
        yield "error", f"{quantity(each['count'], 'decision')}: {each['error']}"
    yield "left out", f"{quantity(result['without'], 'decision')} without a shadow" if result["without"] else ""
    lines = result["unreadable_lines"]
    yield "left out", f"{lines:,} unreadable lines" if lines else ""
    yield "records", UNVERIFIED
