"""Names of the parts of Jitney's messages and modals in Slack's payloads."""

APPROVE, APPROVE_SELECTED, REJECT, PAGE = "approve", "approve_selected", "reject", "page"
DECISION_ACTIONS = (APPROVE, APPROVE_SELECTED, REJECT)
"""The buttons that Jitney acts on. Slack itself opens the page."""
SECONDS, COMMENT, CHECKBOXES, THIS_TIME_ONLY = "seconds", "comment", "choices-", "this_time_only"
