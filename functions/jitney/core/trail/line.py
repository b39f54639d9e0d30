"""A call with what it came to, as it is published: one flat JSON object a line."""

import json
from collections.abc import Sequence

from jitney.core.access.grant import Grant
from jitney.core.audit import canonical
from jitney.core.times import epoch, iso
from jitney.core.trail.call import VERSION, Call, call_with, members_of
from jitney.core.trail.join import NOT_ISSUED, Verdict


def conclusion_key(event_id: str, reasons: Sequence[str]) -> str:
    """The `sk` in the audit table of what a call came to: one for what holds for now, two for what holds.

    Where it has both of these, its key's beginning is disputed, and it is a bypass.
    """
    if tuple(reasons) == NOT_ISSUED:
        return f"UNISSUED#{event_id}"
    return f"{'BYPASS' if reasons else 'EXPLAINED'}#{event_id}"


def line_of(call: Call, verdict: Verdict, grant: Grant | None, target: str, now: int) -> str:
    """The line of a call. An event may have two: what held until its key was known better, and what holds instead."""
    members = members_of(call) | {
        "version": VERSION,
        "time": iso(call.time),
        "target": target,
        "verdict": "explained" if verdict.explained else "bypass",
        "purpose": verdict.purpose or "",
        "grant_id": verdict.grant_id,
        "human": (grant.human or "") if grant else "",
        "reasons": verdict.reasons,
        "judged_at": iso(now),
    }
    return canonical(members)


def call_told(line: str) -> Call:
    """The call in what `line_of` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    members = json.loads(line)
    return call_with(members | {"time": epoch(members["time"])})
