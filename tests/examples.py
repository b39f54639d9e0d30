"""How many examples the tests with generated input look at."""

from hypothesis import settings

WHOLE = "whole"

# A machine that is busy is no failure; figures come from benchmarks.
settings.register_profile(WHOLE, deadline=None)
# For every save: `make check`.
settings.register_profile("quick", settings.get_profile(WHOLE), max_examples=10)


def examples(most: int) -> int:
    """`most` in a whole run, a tenth of it in a quick one."""
    return max(1, most * settings().max_examples // settings.get_profile(WHOLE).max_examples)
