"""The `jitney` command: asking for AWS access, waiting for it, and handing it to the process that needs it."""
