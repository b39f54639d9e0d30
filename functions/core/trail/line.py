"""A call with what it came to, as it is published: one flat JSON object a line."""

from collections.abc import Sequence
from dataclasses import asdict

from core.access.grant import Grant
from core.audit import canonical
from core.times import iso
from core.trail.call import VERSION, Call
from core.trail.join import NOT_ISSUED, Verdict


def conclusion_key(event_id: str, reasons: Sequence[str]) -> str:
    """The `sk` in the audit table of what a call came to: one for what holds for now, two for what holds."""
    if tuple(reasons) == NOT_ISSUED:
        return f"UNISSUED#{event_id}"
    return f"{'BYPASS' if reasons else 'EXPLAINED'}#{event_id}"


def line_of(call: Call, verdict: Verdict, grant: Grant | None, target: str, now: int) -> str:
    """The line of a call. An event may have two: that its key was not issued, and later what then holds instead."""
    members = asdict(call) | {
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
