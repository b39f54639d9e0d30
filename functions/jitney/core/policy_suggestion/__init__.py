"""Suggests the narrowest policies that cover what was used. Pure."""
