"""The checks: small functions that use the deployed system and return what they saw."""
