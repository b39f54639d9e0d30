"""Builds the tables of AWS's actions, operations and sensitive members."""
