"""The commands of `jitney`, one a file."""
