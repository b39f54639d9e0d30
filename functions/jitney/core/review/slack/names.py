"""What the parts of Jitney's messages and modals are called in Slack's payloads."""

APPROVE, APPROVE_SELECTED, REJECT, PAGE = "approve", "less", "reject", "page"
DECISION_ACTIONS = (APPROVE, APPROVE_SELECTED, REJECT)
"""The buttons that do something here; the one that opens the page does it in Slack."""
SECONDS, COMMENT, CHECKBOXES = "seconds", "comment", "choices-"
