"""What only AWS can say: one table of checks, run on AWS or, as far as it can answer, on the emulator."""
