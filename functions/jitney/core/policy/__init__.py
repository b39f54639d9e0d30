"""What policy says to a request: allow, review or deny, and why."""
