"""A grant that a command holds: its use, its renewals and its release."""
