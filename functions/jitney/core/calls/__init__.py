"""From AWS calls, as an agent writes them, to the smallest permissions that they need."""
