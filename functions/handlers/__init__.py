"""The edge towards callers: a Lambda event in, an answer out; parse, ask core, tell an adapter, answer."""
