"""A call with what it came to, as it is published: one flat JSON object a line."""

from dataclasses import asdict

from core.access.grant import Grant
from core.audit import canonical
from core.times import iso
from core.trail.call import VERSION, Call
from core.trail.join import Verdict


def conclusion_key(event_id: str, *, explained: bool) -> str:
    """The `sk` in the audit table of what a call came to."""
    return f"{'EXPLAINED' if explained else 'BYPASS'}#{event_id}"


def line_of(call: Call, verdict: Verdict, grant: Grant | None, target: str, now: int) -> str:
    """The line of a call. An event may have two: of a bypass, and later of its explanation, which then holds."""
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
