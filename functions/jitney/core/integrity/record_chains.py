"""Checks the chains of records: complete from the start, no duplicates, each record linked to the one before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jitney.core.integrity.contents import Contents, RecordPosition, StoredRecord
from jitney.core.integrity.findings import IntegrityBreak
from jitney.core.records.audit import GENESIS_HASH


@dataclass(slots=True)
class _Chain:
    entries: dict[int, dict[str, tuple[StoredRecord, str]]] = field(default_factory=lambda: defaultdict(dict))
    settled: set[int] = field(default_factory=set)
    """The numbers of the records that an object holds which is not fresh."""


class ChainFindings(NamedTuple):
    """The failures in chains: records that contradict others, and gaps."""

    breaks: tuple[IntegrityBreak, ...]
    gaps: tuple[IntegrityBreak, ...]


def check_chains(
    contents: Mapping[str, Contents], but: frozenset[RecordPosition], fresh: frozenset[str], *, whole: bool
) -> ChainFindings:
    """Return the failures in the chains of all records, except those at the positions in `but`.

    `contents` maps each object to its content. Records may arrive out of order, so a gap before a record of a `fresh`
    object is not a failure yet, unless another object has a copy. If the records are not `whole`, a chain may have
    started earlier.
    """
    chains: dict[str, _Chain] = defaultdict(_Chain)
    for key, found in contents.items():
        for each in found.entries:
            if each.intact:
                chain = chains[each.position.chain]
                chain.entries[each.position.seq].setdefault(each.hash, (each, key))
                if key not in fresh:
                    chain.settled.add(each.position.seq)
    breaks: list[IntegrityBreak] = []
    gaps: list[IntegrityBreak] = []
    for name in sorted(chains):
        start = 0 if whole else min(chains[name].entries)
        breaks += _contradictions(name, chains[name], but, start)
        gaps += _gaps(name, chains[name], but, start)
    return ChainFindings(tuple(breaks), tuple(gaps))


def _gaps(name: str, chain: _Chain, but: frozenset[RecordPosition], start: int) -> Iterator[IntegrityBreak]:
    for seq in sorted(chain.settled):
        around = {RecordPosition(name, seq), RecordPosition(name, seq - 1)}
        if seq > start and seq - 1 not in chain.entries and not around & but and len(chain.entries[seq]) == 1:
            ((entry, key),) = chain.entries[seq].values()
            yield _gap(name, chain, entry, key)


def _contradictions(name: str, chain: _Chain, but: frozenset[RecordPosition], start: int) -> Iterator[IntegrityBreak]:
    for seq in sorted(chain.entries):
        here = RecordPosition(name, seq)
        claims = list(chain.entries[seq].values())
        if here in but or RecordPosition(name, seq - 1) in but:
            continue
        if len(claims) > 1:
            where = " and ".join(sorted(key for _, key in claims))
            yield IntegrityBreak(
                f"There are {len(claims)} different records that claim to be {here}: in {where}.",
                None,
                claims[0][1],
                (here,),
            )
            continue
        ((entry, key),) = claims
        if seq == 0 or (seq > start and seq - 1 in chain.entries):
            yield from _follows(chain, entry, key)


def _gap(name: str, chain: _Chain, entry: StoredRecord, key: str) -> IntegrityBreak:
    seq = entry.position.seq
    first = max((each for each in chain.entries if each < seq), default=-1) + 1
    lost = (
        tuple(RecordPosition(name, each) for each in range(first, seq))
        if seq - first < 100
        else (RecordPosition(name, first),)
    )
    which = f"{lost[0]} is" if seq - first == 1 else f"Records {first} to {seq - 1} of {name} are"
    sentence = f"{which[0].upper()}{which[1:]} nowhere, but {entry.position}, in {key}, was written later."
    return IntegrityBreak(sentence, None, key, lost)


def _follows(chain: _Chain, entry: StoredRecord, key: str) -> Iterator[IntegrityBreak]:
    before = chain.entries[entry.position.seq - 1].keys() if entry.position.seq else {GENESIS_HASH}
    if entry.prev not in before:
        seq = entry.position.seq
        fault = f"does not follow record {seq - 1}" if seq else "is not the first of its chain"
        sentence = f"{str(entry.position).capitalize()}, in {key}, {fault}: it names another predecessor."
        yield IntegrityBreak(sentence, None, key, (entry.position,))
