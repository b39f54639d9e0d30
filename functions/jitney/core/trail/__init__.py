"""Join CloudTrail events to grants, and find the grant that explains each call with a target's role (row AUD 3)."""
