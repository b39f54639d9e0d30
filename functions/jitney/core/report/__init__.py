"""The report on one grant from its records and calls, with the least-privilege suggestion (row AUD 4)."""
