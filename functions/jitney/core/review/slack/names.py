"""What the parts of Jitney's messages and modals are called in Slack's payloads."""

APPROVE, LESS, REJECT, PAGE = "approve", "less", "reject", "page"
PRESSES = (APPROVE, LESS, REJECT)
"""The buttons that do something here; the one that opens the page does it in Slack."""
SECONDS, COMMENT, CHOICES = "seconds", "comment", "choices-"
