"""The database that auditors query: the tables, views and named queries that the stack deploys.

The stack and the `jitney` command have the same files, so the command can compare what is deployed with them.
"""
