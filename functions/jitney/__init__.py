"""Jitney: AWS access for AI agents, just in time."""

__version__ = "0.1.0"
"""The version in pyproject.toml. It is repeated here because reading the installed package's metadata takes 40 ms."""
