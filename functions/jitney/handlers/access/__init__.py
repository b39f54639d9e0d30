"""Requests for access: the caller, the decision and the credentials."""
