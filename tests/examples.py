"""How many examples, and which ones, the tests with generated input use."""

from collections.abc import Sequence

from hypothesis import HealthCheck, settings

WHOLE = "whole"
USUAL = "usual"

# The same examples each time, so that no run is red by chance; and a machine that is busy is no failure: figures come
# from benchmarks.
settings.register_profile(
    WHOLE, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# For `make test`, because in a whole run these tests take a quarter of the CPU time.
settings.register_profile(USUAL, settings.get_profile(WHOLE), max_examples=20)
# For every save: `make check`.
settings.register_profile("quick", settings.get_profile(WHOLE), max_examples=10)
# To look at others than ever before: `pytest --hypothesis-profile search`.
settings.register_profile("search", settings.get_profile(WHOLE), derandomize=False)


def examples(most: int) -> int:
    """Return `most` in a whole run, and a part of it in others."""
    return max(1, most * settings().max_examples // settings.get_profile(WHOLE).max_examples)


def sample[T](items: Sequence[T]) -> Sequence[T]:
    """Return all items in a whole run, and every fifth or tenth in others."""
    return items[:: 100 // examples(100)]
