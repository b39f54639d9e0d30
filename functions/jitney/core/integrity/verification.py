"""Verifies the records: computes the findings from the contents of the two buckets."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from jitney.core.integrity.contents import Contents, RecordPosition
from jitney.core.integrity.findings import Extent, Findings, IntegrityBreak, describe_records
from jitney.core.integrity.object_names import HIDDEN, RECORDS, day_of
from jitney.core.integrity.published_calls import CallContents, CallPlace, StoredCall, call_breaks
from jitney.core.integrity.reconciliation import TableEvidence, missing_records, reconcile
from jitney.core.integrity.record_chains import check_chains
from jitney.core.integrity.seal_chain import CheckedSeals, NotedSeal, differs_from_noted, early, overdue
from jitney.core.integrity.sealed_objects import (
    altered_record_breaks,
    check_object,
    hidden_object_breaks,
    invalid_line_breaks,
    late_record_breaks,
    misplaced_object_breaks,
)
from jitney.core.integrity.seals import SKEW_SECONDS, Seal, SealedObject, first_day
from jitney.core.times import utc_date


@dataclass(frozen=True, slots=True)
class CallEvidence:
    """Objects of calls by key, and the calls of the audit table as `call_breaks` takes them.

    `older` counts objects of days whose calls the table no longer has.
    """

    contents: Mapping[str, CallContents]
    held: Mapping[CallPlace, StoredCall]
    recent: tuple[StoredCall, ...] = ()
    older: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read: the checked seals, the contents of objects by key, and errors by key.

    `since` and `until` are the first and last day (dt=) of the objects, or None for all. The last seal is the one that
    closes the day `until`, or the newest one. `now` is in epoch seconds. `unread` are sealed objects that were only
    listed: S3's list shows that they were not written again. `table` has the records of the audit table, or is None if
    it was not read. `hidden_calls` are objects of calls whose names Athena may skip.
    """

    seals: CheckedSeals
    contents: Mapping[str, Contents]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    until: date | None = None
    now: int = 0
    unread: frozenset[str] = frozenset()
    table: TableEvidence | None = None
    calls: CallEvidence | None = None
    hidden_calls: tuple[str, ...] = ()


def verify(evidence: Evidence, noted: NotedSeal | None = None) -> Findings:
    """Return the findings from the evidence. A `noted` seal must be among those of the evidence."""
    whole = evidence.since is None
    seals, seal_breaks, _, unread_seals = evidence.seals
    ahead = early(seals[-1], evidence.now) if seals else None
    late = None if not seals or _closed(seals[-1], evidence.until) else overdue(seals[-1], unread_seals, evidence.now)
    sealed = {
        key: (seal.number, each) for key, (seal, each) in evidence.seals.by_key().items() if _within(key, evidence)
    }
    other = differs_from_noted(evidence.seals, noted) if noted else None
    breaks = [*([other] if other else []), *seal_breaks, *_objects(sealed, evidence)]
    breaks += (each for each in misplaced_object_breaks(seals) if _within(each.object, evidence))
    fresh, added = _unsealed(sealed, seals, evidence)
    kept = {key: found for key, found in evidence.contents.items() if key in sealed or key in fresh}
    breaks += hidden_object_breaks(sealed, kept)
    if not (seal_breaks or unread_seals):  # objects of a missing, forged or unread seal would count as added
        breaks += [IntegrityBreak(_ADDED.format(key=each), None, each) for each in added]
    breaks += [
        found for each in sorted({*fresh, *added}) for found in invalid_line_breaks(each, evidence.contents[each])
    ]
    looked_up = _looked_up(sealed, evidence)
    breaks += _against_table(sealed, looked_up, fresh, evidence)
    done = frozenset(place for each in breaks for place in each.records)
    breaks += altered_record_breaks(evidence.contents, done)
    breaks += late_record_breaks(kept, done)
    done |= {place for each in breaks for place in each.records}
    last = frozenset(each.key for each in seals[-1].objects) if seals else frozenset()
    early_ones = frozenset(evidence.contents) if _may_hold_others(sealed, evidence) else fresh | last
    chains = check_chains(evidence.contents, done | _withheld(sealed, evidence), early_ones, whole=whole)
    ended = evidence.until is not None and evidence.until < utc_date(evidence.now)
    breaks += chains.breaks if ended else (*chains.breaks, *chains.gaps)
    breaks += [each for each in (late, ahead) if each]
    read = evidence.calls.contents if evidence.calls else {}
    breaks += [
        IntegrityBreak(f"The calls in {each}: {HIDDEN}.", None, each)
        for each in evidence.hidden_calls
        if each not in read
    ]
    breaks += call_breaks(evidence.calls.contents, evidence.calls.held, evidence.calls.recent) if evidence.calls else ()
    extent = _extent(seals, sealed, fresh, evidence, looked_up)
    unverified = [*_unverified(seals, sealed, evidence)]
    if ended:  # a redrive may have published the records on a later day
        unverified += (_LATER.format(evidence.until, describe_records(each.records)) for each in chains.gaps)
    return Findings(tuple(breaks), tuple(unverified), extent)


def _looked_up(sealed: Mapping[str, tuple[int, SealedObject]], evidence: Evidence) -> dict[str, Contents]:
    """Return the sealed records that were looked up in the audit table. Altered objects are left out."""
    table = evidence.table
    if table is None:
        return {}
    return {
        key: replace(found, entries=tuple(each for each in found.entries if table.was_looked_up(each)))
        for key, found in evidence.contents.items()
        if key in sealed and found.digest == sealed[key][1].digest
    }


def _against_table(
    sealed: Mapping[str, tuple[int, SealedObject]],
    looked_up: Mapping[str, Contents],
    fresh: Collection[str],
    evidence: Evidence,
) -> Iterator[IntegrityBreak]:
    """Yield the differences between records and the audit table."""
    table = evidence.table
    if table is None:
        return
    yield from reconcile({key: evidence.contents[key] for key in fresh}, table)
    yield from reconcile(looked_up, table, {key: sealed[key][0] for key in looked_up})
    if _may_hold_others(sealed, evidence):
        return
    published = {place for _, each in sealed.values() for place, _ in each.records}
    published |= {each.position for found in evidence.contents.values() for each in found.entries}
    days = {"since": evidence.since, "until": evidence.until}
    yield from missing_records((*table.recent, *table.held.values()), published, **days, now=evidence.now)


_LATER = "Not in S3 until {}: {}. Later objects may have what is missing: omit --until."
_ADDED = "{key} was added: no seal covers it, and the next seal will not cover its folder."


def _closed(last: Seal, until: date | None) -> bool:
    """Return whether no seal after `last` can cover the day `until`, so that a missing later seal does not matter."""
    return until is not None and first_day(last) > until


def _within(key: str, evidence: Evidence) -> bool:
    day = day_of(key)
    after = evidence.since is None or day is None or day >= evidence.since
    return after and (evidence.until is None or day is None or day <= evidence.until)


def _objects(sealed: Mapping[str, tuple[int, SealedObject]], evidence: Evidence) -> Iterator[IntegrityBreak]:
    for key, (number, each) in sealed.items():
        if key not in evidence.unreadable and key not in evidence.unread:
            yield from check_object(number, each, evidence.contents.get(key))


def _may_hold_others(sealed: Collection[str], evidence: Evidence) -> bool:
    """Return whether an unsealed object could not be read. Records that seem to be missing may be in it."""
    return any(key.startswith(RECORDS) and key not in sealed for key in evidence.unreadable)


def _withheld(sealed: Mapping[str, tuple[int, SealedObject]], evidence: Evidence) -> frozenset[RecordPosition]:
    """Return the records of sealed objects that were not read. These records are not gaps in their chains."""
    hidden = (each for key, (_, each) in sealed.items() if key in evidence.unreadable or key in evidence.unread)
    return frozenset(place for each in hidden for place, _ in each.records)


def _unsealed(sealed: Iterable[str], seals: Sequence[Seal], evidence: Evidence) -> tuple[frozenset[str], list[str]]:
    """Return the objects that wait for the next seal, and the objects that no seal will cover."""
    unsealed = set(evidence.contents) - set(sealed)
    days = {key: day_of(key) for key in unsealed}
    opens = first_day(seals[-1]) if seals else date.min
    today = utc_date(evidence.now + SKEW_SECONDS)
    fresh = {key for key, day in days.items() if day is not None and opens <= day <= today}
    return frozenset(fresh), sorted(unsealed - fresh)


def _unverified(seals: Sequence[Seal], sealed: Collection[str], evidence: Evidence) -> Iterator[str]:
    until = evidence.until
    if not evidence.seals.found:
        which = "" if evidence.since is None and until is None else " for these days"
        yield f"There are no seals{which}: the records cannot be verified."
    elif not seals:
        yield "No seal is valid: the records cannot be verified."
    elif until and not sealed and seals[0].time[:10] > str(until):
        made = f"number {seals[0].number}, was made at {seals[0].time}, after {until}"
        yield f"The first seal, {made}: records until then cannot be verified."
    for key, reason in sorted(evidence.unreadable.items()):
        yield f"{key} could not be read: {reason}"


def _extent(
    seals: Sequence[Seal],
    sealed: Mapping[str, tuple[int, SealedObject]],
    fresh: frozenset[str],
    evidence: Evidence,
    looked_up: Mapping[str, Contents],
) -> Extent:
    covered: set[tuple[RecordPosition, str]] = {record for _, each in sealed.values() for record in each.records}
    waiting = {(each.position, each.hash) for key in fresh for each in evidence.contents[key].entries} - covered
    chains = frozenset(place.chain for place, _ in covered)
    return Extent(
        len(seals),
        seals[0] if seals else None,
        seals[-1] if seals else None,
        len(sealed),
        len(covered),
        len(chains),
        len(fresh),
        len(waiting),
        chains,
        fresh,
        evidence.table is not None,
        len(evidence.unread & set(sealed)),
        sum(len(each.calls) for each in evidence.calls.contents.values()) if evidence.calls else None,
        len({each.position for found in looked_up.values() for each in found.entries}) if evidence.table else None,
        older_calls=evidence.calls.older if evidence.calls else 0,
    )
