"""Who asks: from the raw token to a `Principal`, narrowing the type at each step."""
