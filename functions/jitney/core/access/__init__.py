"""Requests, decisions, grants and their session policies."""
