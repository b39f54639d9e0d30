"""A call with its verdict as it is published: one flat JSON object per line."""

import json
from collections.abc import Sequence

from jitney.core.access.grant import Grant
from jitney.core.records.record_texts import canonical
from jitney.core.stored_identity import name_of
from jitney.core.times import epoch, iso
from jitney.core.trail.call import VERSION, CloudTrailCall, call_from_members, members_of
from jitney.core.trail.join import KEY_NOT_ISSUED, CallVerdict, verdict_word


def verdict_key(event_id: str, reasons: Sequence[str]) -> str:
    """Return the `sk` of a call's verdict in the audit table.

    Each kind of verdict has its own key. A call gets the verdict bypass after another final verdict if later events
    dispute the origin of its access key.
    """
    if tuple(reasons) == KEY_NOT_ISSUED:
        return f"UNISSUED#{event_id}"
    return f"{_KINDS.get(verdict_word(reasons), 'BYPASS')}#{event_id}"


_KINDS = {"explained": "EXPLAINED", "beyond_grant": "BEYOND", "unrecorded": "UNRECORDED"}


def line_of(call: CloudTrailCall, verdict: CallVerdict, grant: Grant | None, target: str, now: int) -> str:
    """Return the line of a call with its verdict.

    A call has two lines if a final verdict replaced a provisional one.
    """
    members = members_of(call) | {
        "version": VERSION,
        "time": iso(call.time),
        "target": target,
        "verdict": verdict_word(verdict.reasons),
        "purpose": verdict.purpose or "",
        "call_id": verdict.call_id,
        "record_match": verdict.match,
        "grant_id": verdict.grant_id,
        "human": name_of(grant.human) if grant else "",
        "reasons": verdict.reasons,
        "correlated_at": iso(now),
    }
    return canonical(members)


def call_from_line(line: str) -> CloudTrailCall:
    """Return the call in a text by `line_of`. Raises KeyError, TypeError or ValueError for other texts."""
    members = json.loads(line)
    return call_from_members(members | {"time": epoch(members["time"])})
