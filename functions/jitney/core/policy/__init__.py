"""The policies' decision on a request: allow, review or deny, and why."""
