"""Break-glass: a request that was taken without its reviewers, and what was said of that afterwards (row REV 8)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jitney.core.times import iso


class FollowUpVerdict(StrEnum):
    """What somebody else says of it afterwards."""

    CONFIRM = "confirm"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class BreakGlassUse:
    """The glass was broken by `human`, a source identity, at `at`, for what has the hash `content`.

    Somebody else is to look at it until `due_at`. `told` are those who are told of it besides everybody who could have
    decided. Times in epoch seconds.
    """

    human: str
    reason: str
    content: str
    at: int
    due_at: int
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What `human` said of a broken glass, at `at` (epoch seconds)."""

    human: str
    judgement: FollowUpVerdict
    comment: str
    at: int


def break_glass_view(glass: BreakGlassUse | None, follow_up: FollowUp | None) -> dict[str, Any] | None:
    """A broken glass as the API shows it."""
    if glass is None:
        return None
    said = follow_up and {
        "by": follow_up.human,
        "judgement": str(follow_up.judgement),
        "comment": follow_up.comment,
        "at": iso(follow_up.at),
    }
    return {
        "by": glass.human, "reason": glass.reason, "at": iso(glass.at), "follow_up_due_at": iso(glass.due_at),
        "follow_up": said,
    }  # fmt: skip
