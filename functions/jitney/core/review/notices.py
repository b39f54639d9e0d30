"""What reviewers are told, and when in a review."""

from enum import StrEnum


class Notice(StrEnum):
    """Why reviewers are written to."""

    ASKED = "asked"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    CHANGED = "changed"
    NARROWED = "narrowed"
    DECIDED = "decided"
    BROKEN = "break_glass_used"
    FOLLOW_UP_DUE = "follow_up_due"
