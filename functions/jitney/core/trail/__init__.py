"""Join CloudTrail events to grants: which grant explains each call with a target's role (row AUD 3)."""
