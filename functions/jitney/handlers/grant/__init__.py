"""What the functions share about a grant: its updates, its answers and its credentials."""
