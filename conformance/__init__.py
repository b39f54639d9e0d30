"""What only AWS can show: one table of checks, run on AWS or, as far as it can answer, on the emulator."""
