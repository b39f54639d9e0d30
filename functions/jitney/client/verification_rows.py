"""What `jitney audit verify` found, in rows for people."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

MOST_TOLD = 10

Rows: TypeAlias = Iterator[tuple[str, str]]


def breaks(proof: Mapping[str, Any]) -> Rows:
    """The first break, others, and why not all could be proven."""
    sentences = [each["sentence"] for each in proof["breaks"]]
    yield from zip(("first", *["then"] * (MOST_TOLD - 1)), sentences, strict=False)
    if len(sentences) > MOST_TOLD:
        yield "and", f"{len(sentences) - MOST_TOLD} more: --json has all."
    reasons = proof["unverified"]
    yield from (("because", each) for each in reasons[:MOST_TOLD])
    if len(reasons) > MOST_TOLD:
        yield "and", f"{len(reasons) - MOST_TOLD} more: --json has all."


def coverage(proof: Mapping[str, Any]) -> Rows:
    """What was held against seals, and what no seal has yet."""
    seals, sealed, later = proof["seals"], proof["sealed"], proof["awaiting_seal"]
    first, last = seals["first"], seals["last"]
    if first and last:
        many = (
            f"{seals['count']:,} (numbers {first['number']} to {last['number']}), of {first['time']} to {last['time']}"
        )
        yield "seals", many if seals["count"] > 1 else f"1 (number {last['number']}), of {last['time']}"
        chains, objects = _count(sealed["chains"], "chain"), _count(sealed["objects"], "object")
        holds = "" if proof["breaks"] or proof["unverified"] else ": all as they were sealed"
        yield "records", f"{_count(sealed['records'], 'record')} of {chains}, in {objects}{holds}"
    if later["records"]:
        came = f"{_count(later['records'], 'record')} in {_count(later['objects'], 'object')}"
        yield "not yet", f"{came}, waiting for the next seal: until then nothing proves them"
    if last:
        yield "last seal", f"{last['hash']} (keep it where nobody here can change it)"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
