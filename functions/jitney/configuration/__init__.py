"""Reads and validates jitney.yaml and the policies beside it."""
