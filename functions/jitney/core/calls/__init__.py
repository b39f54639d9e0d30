"""Derives the smallest permissions that AWS calls need from the calls as an agent writes them."""
