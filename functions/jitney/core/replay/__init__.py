"""Decides recorded requests again, under other policies. Pure."""
