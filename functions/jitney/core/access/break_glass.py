"""Break-glass: a request granted without its reviewers, and the follow-up review of it (row REV 8)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.stored_identity import Identity
from jitney.core.times import iso


class FollowUpVerdict(StrEnum):
    """The result of a follow-up review."""

    CONFIRM = "confirm"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class BreakGlassUse:
    """One use of break-glass: `human` used it at `at`. `content` is the hash of what was granted.

    The follow-up review is due by `due_at`. `notified` are the people notified in addition to the reviewers. Times are
    in epoch seconds.
    """

    human: Identity
    reason: MaskedComment
    content: str
    at: int
    due_at: int
    notified: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The follow-up review by `human`, at `at` (epoch seconds)."""

    human: Identity
    judgement: FollowUpVerdict
    comment: MaskedComment
    at: int


def break_glass_view(use: BreakGlassUse | None, follow_up: FollowUp | None) -> dict[str, Any] | None:
    """Return a use of break-glass, and its follow-up review if there is one, as the API shows it."""
    if use is None:
        return None
    review = follow_up and {
        "by": follow_up.human.name,
        "judgement": str(follow_up.judgement),
        "comment": follow_up.comment,
        "at": iso(follow_up.at),
    }
    return {
        "by": use.human.name,
        "reason": use.reason,
        "at": iso(use.at),
        "follow_up_due_at": iso(use.due_at),
        "follow_up": review,
    }
