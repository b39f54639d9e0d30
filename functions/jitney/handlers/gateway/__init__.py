"""Calls that Jitney makes for an agent."""
