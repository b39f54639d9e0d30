"""A call with what it came to, as it is published: one flat JSON object a line."""

import json
from collections.abc import Sequence

from jitney.core.access.grant import Grant
from jitney.core.audit import canonical
from jitney.core.times import epoch, iso
from jitney.core.trail.call import VERSION, CloudTrailCall, call_from_members, members_of
from jitney.core.trail.join import KEY_NOT_ISSUED, CallVerdict


def verdict_key(event_id: str, reasons: Sequence[str]) -> str:
    """The `sk` in the audit table of what a call came to: one for what holds for now, two for what holds.

    Where it has both of these, its key's beginning is disputed, and it is a bypass.
    """
    if tuple(reasons) == KEY_NOT_ISSUED:
        return f"UNISSUED#{event_id}"
    return f"{'BYPASS' if reasons else 'EXPLAINED'}#{event_id}"


def line_of(call: CloudTrailCall, verdict: CallVerdict, grant: Grant | None, target: str, now: int) -> str:
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
        "correlated_at": iso(now),
    }
    return canonical(members)


def call_from_line(line: str) -> CloudTrailCall:
    """The call in what `line_of` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    members = json.loads(line)
    return call_from_members(members | {"time": epoch(members["time"])})
