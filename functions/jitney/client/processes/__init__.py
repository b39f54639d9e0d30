"""The processes that a command starts."""
