"""Add the audit table's records to the evidence from S3."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from jitney.adapters.trail import CALL_RETENTION_SECONDS
from jitney.client.audit_table import AuditTable
from jitney.client.evidence import Archive, Period
from jitney.core.integrity.published_calls import StoredCall
from jitney.core.integrity.reconciliation import ARRIVAL_SECONDS, TableEvidence
from jitney.core.integrity.seal_chain import Keys
from jitney.core.integrity.verification import CallEvidence, Evidence, sealed_at


def with_table(
    evidence: Evidence, keys: Keys, archive: Archive, table: AuditTable, most_read: int | None = None
) -> Evidence:
    """Return the evidence with the table's records at the positions of unsealed ones, and with its days' calls.

    If there are more than `most_read` objects of calls, calls are not compared. Raises Invalid.
    """
    sealed = sealed_at(evidence.files, keys, whole=evidence.since is None)
    fresh = [found for key, found in evidence.contents.items() if key not in sealed]
    held = table.held({each.position for found in fresh for each in found.entries})
    # The table is read after S3. Records are written to it first, so it has each record that S3 has.
    recent, recent_calls = table.recent()
    period = _kept(evidence)
    evidence = replace(evidence, table=TableEvidence(held, recent))
    found = archive.calls(period, most_read)
    if found is None:
        return evidence
    calls, unreadable = found
    places = {each.place for lines in calls.values() for each in lines.calls}
    due = [each for at, each in recent_calls if at <= evidence.now - ARRIVAL_SECONDS and _on(each, period)]
    # If an object cannot be read, a call that seems to be missing may be in it.
    compared = CallEvidence(calls, table.held_calls(places), () if unreadable else tuple(due))
    return replace(evidence, unreadable={**evidence.unreadable, **unreadable}, calls=compared)


def _kept(evidence: Evidence) -> Period:
    """Return the days of the evidence whose calls the table still has."""
    today = datetime.fromtimestamp(evidence.now, UTC).date()
    first = today - timedelta(seconds=CALL_RETENTION_SECONDS) + timedelta(days=1)
    return max(first, evidence.since or date.min), evidence.until


def _on(call: StoredCall, period: Period) -> bool:
    first, last = period
    return (first is None or call.day >= str(first)) and (last is None or call.day <= str(last))
