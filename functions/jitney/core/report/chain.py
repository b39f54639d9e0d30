"""The records of a grant in their order, each once, and what is wrong with the chain that they form.

Only `jitney audit verify` proves records, against their seals: here what is missing is said, so that no story is taken
for whole that is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from jitney.core.audit import GENESIS_HASH
from jitney.core.report.published_lines import PublishedRecord

MOST_GAPS = 3


class Chain(NamedTuple):
    """`notes` are the grant's own chain, `others` records of other chains that name it, `doubts` sentences."""

    notes: tuple[PublishedRecord, ...]
    others: tuple[PublishedRecord, ...]
    warnings: tuple[str, ...]


def chain_of(grant_id: str, notes: Iterable[PublishedRecord]) -> Chain:
    """The same for any order, and however often a record came."""
    found = sorted(set(notes), key=_place)
    own = tuple(each for each in found if each.chain == grant_id)
    others = tuple(each for each in found if each.chain != grant_id and each.grant_id == grant_id)
    return Chain(own, others, tuple(_warnings(own)))


def _place(note: PublishedRecord) -> tuple[object, ...]:
    return (note.chain, note.seq, note.time, note.hash, note.detail, note.reason, repr(note))


def _warnings(own: Sequence[PublishedRecord]) -> Iterator[str]:
    numbers = sorted({each.seq for each in own})
    # Gaps, not their members: whoever writes a record can give it any number.
    gaps = [(before + 1, after - 1) for before, after in pairwise([-1, *numbers]) if after - before > 1]
    if gaps:
        shown = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:MOST_GAPS])
        more = f" and more in {len(gaps) - MOST_GAPS} other places" if len(gaps) > MOST_GAPS else ""
        yield f"Missing from the chain: record {shown}{more}. What happened there is not told."
    for number in numbers:
        claims = [each for each in own if each.seq == number]
        if len(claims) > 1:
            yield f"{len(claims)} different records are number {number}: all are told. Ask `jitney audit verify`."
    hashes: dict[int, set[str]] = {}
    for each in own:
        hashes.setdefault(each.seq, set()).add(each.hash)
    for each in own:
        before = {GENESIS_HASH} if each.seq == 0 else hashes.get(each.seq - 1)
        if before and each.prev not in before:
            yield f"Record {each.seq} does not follow from the one before. Ask `jitney audit verify`."
