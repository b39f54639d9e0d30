"""The integrity state of an answer from published records: verified, sealed, not yet sealed, or broken."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from jitney.core.call_lookup import CALL_CHAIN
from jitney.core.integrity.contents import Contents
from jitney.core.integrity.findings import Findings
from jitney.core.quantities import quantity

MOST_FAILURES = 5


class IntegrityState(StrEnum):
    """The state of the records behind an answer, or of one grant's records in a row of it."""

    VERIFIED = "verified"
    SEALED = "sealed"
    NOT_YET = "not yet"
    UNVERIFIED = "unverified"
    UNCHECKED = "unchecked"
    BROKEN = "broken"


_EXIT_CODES = {IntegrityState.BROKEN: 1, IntegrityState.UNVERIFIED: 2}


@dataclass(frozen=True, slots=True)
class AnswerIntegrity:
    """The state of an answer's records, and sentences that explain the state: failures first.

    `broken`, `waiting` and `sealed` are the grants with failures, with unsealed records, and with sealed records.
    `read` says whether all sealed records were read and compared with their seals.
    """

    state: IntegrityState
    sentences: tuple[str, ...]
    failures: tuple[str, ...] = ()
    broken: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    read: bool = True

    @property
    def exit_code(self) -> int:
        """1 if the answer may be wrong, 2 if it could not be checked as configured, otherwise 0."""
        return _EXIT_CODES.get(self.state, 0)

    def of_grant(self, grant_id: str) -> str:
        """Return the state of a grant's records in one word, or "" if it is unknown."""
        if grant_id in self.broken:
            return IntegrityState.BROKEN
        if grant_id in self.waiting:
            return IntegrityState.NOT_YET
        if grant_id in self.sealed:
            return IntegrityState.VERIFIED if self.read else IntegrityState.SEALED
        return ""

    def document(self) -> dict[str, Any]:
        """Return the state as JSON, with all failures."""
        return {"state": str(self.state), "sentences": list(self.sentences), "failures": list(self.failures)}


def unchecked(reason: str) -> AnswerIntegrity:
    """Return the state of an answer that was not checked."""
    return AnswerIntegrity(IntegrityState.UNCHECKED, (reason,))


def answer_integrity(
    findings: Findings, contents: Mapping[str, Contents], since: date | None = None, until: date | None = None
) -> AnswerIntegrity:
    """Return the state of an answer about the days from `since` to `until`, with these findings.

    `contents` are the objects that were read.
    """
    findings = _about(findings, until)
    entries = [(key, each) for key, found in contents.items() for each in found.entries]
    grants = {each.position.chain: each.grant_id for _, each in entries if each.grant_id}
    chains = {place.chain for each in findings.breaks for place in each.records}
    altered = {name for each in findings.breaks for name in each.grants}
    sealed = findings.extent.sealed_chains
    # A forged record is in a chain of its own, and names the grant that it is about.
    broken = chains | altered | {grants[chain] for chain in chains if chain in grants}
    # An object that no seal covers is broken as a whole.
    added = {each.object for each in findings.breaks if each.seal is None and not each.records}
    broken |= {name for key, each in entries if key in added for name in _names(each)}
    waiting = {name for key, each in entries if key in findings.extent.waiting for name in _names(each)}
    return AnswerIntegrity(
        _state(findings),
        (*_sentences(findings), *_beginning(findings, since)),
        tuple(each.sentence for each in findings.breaks),
        frozenset(broken),
        frozenset(waiting),
        frozenset()
        if _hide_their_grant(chains, grants)
        else sealed | {grants[each] for each in sealed if each in grants},
        not findings.extent.unread,
    )


def _about(findings: Findings, until: date | None) -> Findings:
    """Return the findings about days until `until`. Days that ended before the first seal are unverified."""
    first = _very_first(findings)
    if not (first and until and str(until) < first[:10]) or findings.unverified:
        return findings
    return replace(findings, unverified=(f"The first seal was made at {first}: {until} cannot be verified.",))


def _beginning(findings: Findings, since: date | None) -> Iterator[str]:
    """Yield a sentence if the days began before the first seal, so that a missing row proves nothing."""
    first = _very_first(findings)
    if first and since and str(since) < first[:10] and not findings.unverified:
        yield f"The first seal was made at {first}: a missing row of an earlier day proves nothing."


def _very_first(findings: Findings) -> str:
    first = findings.extent.first
    return first.time if first and first.number == 0 else ""


def _hide_their_grant(chains: Collection[str], grants: Mapping[str, str]) -> bool:
    """Return whether the grant of one of the chains is unknown. Then no grant is verified."""
    return any(each.startswith(CALL_CHAIN) and each not in grants for each in chains)


def _names(record: Any) -> set[str]:
    return {record.position.chain, record.grant_id} - {""}


def _state(findings: Findings) -> IntegrityState:
    extent = findings.extent
    if findings.breaks:
        return IntegrityState.BROKEN
    if len(findings.unverified) > (0 if extent.seals else 1):  # one sentence says that no seal is valid
        return IntegrityState.UNVERIFIED
    if extent.unsealed_records or not extent.seals:
        return IntegrityState.NOT_YET if extent.reconciled else IntegrityState.UNVERIFIED
    return IntegrityState.SEALED if extent.unread else IntegrityState.VERIFIED


def _sentences(findings: Findings) -> tuple[str, ...]:
    extent = findings.extent
    failures = [each.sentence for each in findings.breaks[:MOST_FAILURES]]
    if len(findings.breaks) > MOST_FAILURES:
        failures.append(f"And {len(findings.breaks) - MOST_FAILURES} more: `--json` has all of them.")
    found = [*failures, *findings.unverified[:MOST_FAILURES]]
    if extent.objects:
        read = "listed as unchanged since their seals" if extent.unread else "verified against their seals"
        compared = f"; {extent.compared or 0:,} of them compared with the audit table"
        found.append(f"{quantity(extent.records, 'sealed record')}: {read}{compared}.")
    if extent.unsealed_records:
        compared = "compared with the audit table" if extent.reconciled else "not compared with the audit table"
        found.append(f"{quantity(extent.unsealed_records, 'record')} not sealed yet: {compared}.")
    if extent.calls is not None:
        found.append(f"{quantity(extent.calls, 'call')}: never sealed, compared with the audit table.")
        if extent.older_calls:
            found.append(f"{quantity(extent.older_calls, 'object')} of older calls: not compared with any table.")
    elif extent.reconciled:
        found.append("There are too many calls to compare with the audit table: choose fewer days with --since.")
    if extent.definitions is not None:
        found.append(f"{quantity(extent.definitions, 'definition')} of tables, views and queries: compared.")
    return tuple(found)
