"""The edge towards callers: each handler parses an event, asks core, calls adapters and answers."""

import gc

# The objects that a cold start creates stay in use. Searching them for garbage took a seventh of its time.
# `ports.build_ports` turns the collector on again.
gc.disable()
