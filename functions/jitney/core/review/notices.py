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
    BROKEN = "glass_broken"
    OWED = "follow_up_owed"
