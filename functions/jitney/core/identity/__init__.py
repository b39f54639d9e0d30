"""Authentication: from the raw token to a `Principal`, with a narrower type at each step."""
