"""`jitney policy`: explains, compares, replays and suggests policies."""
