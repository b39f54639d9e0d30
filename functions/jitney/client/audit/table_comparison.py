"""Adds the audit table's records to the evidence from S3."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

from jitney.adapters.trail import CALL_RETENTION_SECONDS
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.client.audit.audit_table import AuditTable
from jitney.client.audit.evidence import Archive, Period
from jitney.core.integrity.contents import RecordPosition, StoredRecord
from jitney.core.integrity.published_calls import StoredCall
from jitney.core.integrity.reconciliation import ARRIVAL_SECONDS, TableEvidence, WrittenRecord
from jitney.core.integrity.verification import CallEvidence, Evidence
from jitney.core.times import utc_date

DAY_SECONDS = 24 * 3600
LONGEST_CHAIN_SECONDS = 30 * DAY_SECONDS
"""The longest time between two records of a chain. A chain without a later record than that has none in the table."""


def with_table(
    evidence: Evidence,
    archive: Archive,
    table: AuditTable,
    most_read: int | None = None,
    most_compared: int | None = None,
) -> Evidence:
    """Return the evidence with the table's records at the positions of published ones, and with its days' calls.

    If there are more than `most_read` objects of calls, calls are not compared. If there are more than `most_compared`
    records, only unsealed ones are compared. Raises Invalid.
    """
    period = _kept(evidence)
    found = archive.calls((evidence.since, evidence.until), period[0], most_read)
    listed = [each for lines in (found.contents or {}).values() for each in lines.calls]
    held = _records(evidence, table, most_compared, listed)
    # The table is read after S3. Records are written to it first, so it has each record that S3 has.
    recent, recent_calls = table.recent()
    unreadable = {**evidence.unreadable, **found.unreadable}
    evidence = replace(evidence, table=replace(held, recent=recent), unreadable=unreadable, hidden_calls=found.hidden)
    if found.contents is None:
        return evidence
    places = {each.place for each in listed}
    due = [each for at, each in recent_calls if at <= evidence.now - ARRIVAL_SECONDS and _on(each, period)]
    # If an object cannot be read, a call that seems to be missing may be in it.
    recent_due = () if found.unreadable else tuple(due)
    return replace(evidence, calls=CallEvidence(found.contents, table.held_calls(places), recent_due, found.older))


def _records(evidence: Evidence, table: AuditTable, most: int | None, calls: Collection[StoredCall]) -> TableEvidence:
    """Return the table's records at the places of published records, and those that follow the last ones.

    `calls` name grants and calls through the gateway, which must have records.
    """
    sealed = evidence.seals.by_key()
    since = evidence.now - RECORD_RETENTION_SECONDS + DAY_SECONDS
    entries = {key: found.entries for key, found in evidence.contents.items()}
    fresh = {each.position for key, found in entries.items() if key not in sealed for each in found}
    old = [each for key, found in entries.items() if key in sealed for each in found]
    looked_up = {each.position for each in old if each.time is None or each.time >= since}
    places = (
        {place for _, each in sealed.values() for place, _ in each.records} | {each.position for each in old} | fresh
    )
    if most is not None and len(places) > most:
        return TableEvidence(table.held(fresh))
    published = {each.position: each for found in entries.values() for each in found}
    first = str(utc_date(since))
    named = {name for each in calls if each.day >= first for name in (each.grant_id, each.call_id)} - {""}
    later = _later(places, published, named, since - LONGEST_CHAIN_SECONDS, table)
    return TableEvidence(table.held(fresh | looked_up) | later, sealed_since=since)


def _later(
    places: Collection[RecordPosition],
    published: Mapping[RecordPosition, StoredRecord],
    named: Collection[str],
    since: int,
    table: AuditTable,
) -> dict[RecordPosition, WrittenRecord]:
    """Return the table's records after the last published one of each chain, and of named chains without any.

    Chains that ended before `since` are left out. Records and calls name chains: those of `named`, and of grants.
    """
    old = {place for place, each in published.items() if each.time is not None and each.time < since}
    last = dict.fromkeys(named, -1)
    last |= {each.grant_id: -1 for place, each in published.items() if each.grant_id and place not in old}
    open_chains = {*last, *(each.chain for each in places if each not in old)}
    for each in places:
        if each.chain in open_chains:
            last[each.chain] = max(each.seq, last.get(each.chain, -1))
    later: dict[RecordPosition, WrittenRecord] = {}
    wanted = {RecordPosition(chain, seq + 1) for chain, seq in last.items()}
    while wanted:
        found = table.held(wanted)
        later |= found
        wanted = {RecordPosition(each.chain, each.seq + 1) for each in found}
    return later


def _kept(evidence: Evidence) -> tuple[date, date | None]:
    """Return the days of the evidence whose calls the table still has."""
    today = utc_date(evidence.now)
    first = today - timedelta(seconds=CALL_RETENTION_SECONDS) + timedelta(days=1)
    return max(first, evidence.since or date.min), evidence.until


def _on(call: StoredCall, period: Period) -> bool:
    first, last = period
    return (first is None or call.day >= str(first)) and (last is None or call.day <= str(last))
