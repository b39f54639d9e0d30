"""Requests for access: the decision, and the grant or review that it opens."""
