"""Calls that Jitney makes for an agent: their parameters are checked, and AWS's answers masked."""
