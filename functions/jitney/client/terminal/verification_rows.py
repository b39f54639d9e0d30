"""The result of `jitney audit verify` as rows."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from jitney.core.quantities import quantity

MOST_SHOWN = 10

Rows: TypeAlias = Iterator[tuple[str, str]]


def failures(result: Mapping[str, Any]) -> Rows:
    """Yield the failures, earliest first, and then why something could not be verified."""
    sentences = [each["sentence"] for each in result["failures"]]
    yield from zip(("first", *["then"] * (MOST_SHOWN - 1)), sentences, strict=False)
    if len(sentences) > MOST_SHOWN:
        yield "and", f"{len(sentences) - MOST_SHOWN} more; use --json for all"
    reasons = result["unverified"]
    yield from (("because", each) for each in reasons[:MOST_SHOWN])
    if len(reasons) > MOST_SHOWN:
        yield "and", f"{len(reasons) - MOST_SHOWN} more; use --json for all"


def coverage(result: Mapping[str, Any]) -> Rows:
    """Yield what the seals cover, and what is not sealed yet."""
    seals, sealed, later = result["seals"], result["sealed"], result["awaiting_seal"]
    first, last = seals["first"], seals["last"]
    if first and last:
        numbers = f"numbers {first['number']} to {last['number']}"
        many = f"{seals['count']:,} ({numbers}), from {first['time']} to {last['time']}"
        yield "seals", many if seals["count"] > 1 else f"1 (number {last['number']}), from {last['time']}"
        chains, objects = quantity(sealed["chains"], "chain"), quantity(sealed["objects"], "object")
        verified = "" if result["failures"] or result["unverified"] else ": all verified"
        yield "records", f"{quantity(sealed['records'], 'record')} of {chains}, in {objects}{verified}"
    if sealed["compared"] is None:
        yield "compared", "nothing with the audit table, which --table or --stack names"
    else:
        yield "compared", f"{quantity(sealed['compared'], 'sealed record')} with the audit table"
    if later["records"]:
        came = f"{quantity(later['records'], 'record')} in {quantity(later['objects'], 'object')}"
        compared = "compared with the audit table" if later["compared"] else "not verifiable until then"
        yield "not yet", f"{came}, waiting for the next seal; {compared}"
    if result["calls"] is not None:
        count = result["older_calls"]
        older = f"; {quantity(count, 'object')} of older calls not compared" if count else ""
        yield "calls", f"{quantity(result['calls'], 'call')}, never sealed; compared with the audit table{older}"
    if result["definitions"] is None:
        yield "queries", "not compared with this version's; --stack or --workgroup names them"
    else:
        yield "queries", f"{quantity(result['definitions'], 'definition')} of tables, views and queries compared"
    if last:
        yield "last seal", f"{last['number']}:{last['hash']} (keep a copy outside this account)"
