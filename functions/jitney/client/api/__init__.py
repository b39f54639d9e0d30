"""The client of the broker's HTTP API, with what it sends and receives."""
