"""Jitney: AWS access for AI agents, just in time."""
