"""How many examples, and which ones, the tests with generated input use."""

from collections.abc import Sequence

from hypothesis import HealthCheck, settings

WHOLE = "whole"

# The same examples each time, so that no run is red by chance; and a machine that is busy is no failure: figures come
# from benchmarks.
settings.register_profile(
    WHOLE, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# For every save: `make check`.
settings.register_profile("quick", settings.get_profile(WHOLE), max_examples=10)
# To look at others than ever before: `pytest --hypothesis-profile search`.
settings.register_profile("search", settings.get_profile(WHOLE), derandomize=False)


def examples(most: int) -> int:
    """Return `most` in a whole run, and a tenth of it in a quick one."""
    return max(1, most * settings().max_examples // settings.get_profile(WHOLE).max_examples)


def sample[T](items: Sequence[T]) -> Sequence[T]:
    """Return all items in a whole run, and every tenth in a quick one."""
    return items[:: 100 // examples(100)]
