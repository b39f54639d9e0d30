"""The caller of a request: its identity, and what it may learn."""
