"""Measurements. `make bench` runs them all. Figures are medians and ratios of one run, because machines vary."""
