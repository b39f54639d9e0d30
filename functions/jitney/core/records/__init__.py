"""Audit records, and the counts and metrics made from them."""
