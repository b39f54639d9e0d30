"""The `jitney` command: request AWS access, wait for it, and pass it to the process that needs it."""
