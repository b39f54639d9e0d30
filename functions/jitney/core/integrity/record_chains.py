"""Checks the chains of records: complete from the start, no duplicates, each record linked to the one before."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jitney.core.integrity.contents import Contents, RecordPosition, StoredRecord
from jitney.core.integrity.findings import IntegrityBreak
from jitney.core.records.audit import GENESIS_HASH


@dataclass(slots=True)
class _Chain:
    entries: dict[int, dict[str, tuple[StoredRecord, str]]] = field(default_factory=lambda: defaultdict(dict))
    settled: set[int] = field(default_factory=set)
    """The numbers of the records that an object holds which is not fresh."""


def check_chains(
    contents: Mapping[str, Contents], but: frozenset[RecordPosition], fresh: frozenset[str], *, whole: bool
) -> Iterator[IntegrityBreak]:
    """Yield the failures in the chains of all records, except those at the positions in `but`.

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
    for name in sorted(chains):
        yield from _check(name, chains[name], but, whole=whole)


def _check(name: str, chain: _Chain, but: frozenset[RecordPosition], *, whole: bool) -> Iterator[IntegrityBreak]:
    start = 0 if whole else min(chain.entries)
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
        if seq > start and seq - 1 not in chain.entries:
            if seq in chain.settled:
                yield _gap(name, chain, entry, key)
        elif seq > start or seq == 0:
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
    before = GENESIS_HASH if entry.position.seq == 0 else next(iter(chain.entries[entry.position.seq - 1]))
    if entry.prev != before:
        seq = entry.position.seq
        fault = f"does not follow record {seq - 1}" if seq else "is not the first of its chain"
        sentence = f"{str(entry.position).capitalize()}, in {key}, {fault}: it names another predecessor."
        yield IntegrityBreak(sentence, None, key, (entry.position,))
