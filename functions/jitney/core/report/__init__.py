"""Report on one grant from its records and calls, and suggest least privilege (row AUD 4)."""
