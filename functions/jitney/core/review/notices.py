"""The notices that reviewers get during a review."""

from enum import StrEnum


class Notice(StrEnum):
    """Why reviewers are notified."""

    REQUESTED = "requested"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    REVIEW_RESTARTED = "review_restarted"
    NARROWED = "narrowed"
    DECIDED = "decided"
    BREAK_GLASS = "break_glass_used"
    FOLLOW_UP_DUE = "follow_up_due"
