"""How a program gets its access: credentials from a process or an endpoint, or calls through the gateway."""
