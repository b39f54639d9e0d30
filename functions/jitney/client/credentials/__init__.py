"""How credentials reach a program: by a process, an endpoint or the gateway."""
