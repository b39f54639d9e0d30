"""Joins CloudTrail events to grants, and finds the grant that explains each call with a target's role (row AUD 3)."""
