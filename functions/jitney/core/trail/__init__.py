"""CloudTrail's events: what was done in sessions of the targets' roles, and which grant explains it (row AUD 3)."""
