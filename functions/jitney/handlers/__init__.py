"""The edge towards callers: each handler parses an event, asks core, calls adapters and answers."""

import gc

# What a cold start creates stays in use. Searching it for garbage took a seventh of the start.
# `ports.build_ports` turns the collector on again.
gc.disable()
