"""Reads AWS calls as an agent writes them, and derives the smallest permissions that they need."""
