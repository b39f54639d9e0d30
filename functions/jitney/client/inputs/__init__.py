"""What a command takes from its options, the environment and setting files."""
