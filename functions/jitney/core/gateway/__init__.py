"""Calls that Jitney makes for an agent: their parameters are checked here."""
