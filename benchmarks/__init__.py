"""What is measured, and how to run it again: `make bench`. Medians and ratios of one run; machines are noisy."""
