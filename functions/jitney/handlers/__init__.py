"""The edge towards callers: a Lambda event in, an answer out; parse, ask core, tell an adapter, answer."""

import gc

# What a cold start makes stays: looking through it for garbage took a seventh of the start. `ports.ready` ends this.
gc.disable()
