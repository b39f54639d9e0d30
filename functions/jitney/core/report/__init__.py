"""The story of one grant from its records and the calls joined to it, and what would have done (row AUD 4)."""
