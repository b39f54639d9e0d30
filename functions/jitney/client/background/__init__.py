"""An endpoint in a process of its own, for the commands of one user that need the same access."""
