"""Reads and validates jitney.yaml and its policies."""
