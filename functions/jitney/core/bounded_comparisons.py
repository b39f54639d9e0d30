"""Comparisons of patterns that always have an answer, also for patterns that take too long to compare."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from jitney.core.patterns import PatternTooComplex, patterns_intersect, wildcard_pattern

P = ParamSpec("P")


def when_too_complex(*, answer: bool) -> Callable[[Callable[P, bool]], Callable[P, bool]]:
    """Return a decorator for a comparison. It returns `answer` where the comparison raises PatternTooComplex."""

    def decorated(compare: Callable[P, bool]) -> Callable[P, bool]:
        @wraps(compare)
        def compared(*args: P.args, **kwargs: P.kwargs) -> bool:
            try:
                return compare(*args, **kwargs)
            except PatternTooComplex:
                return answer

        return compared

    return decorated


@when_too_complex(answer=True)
def may_meet(one: str, other: str) -> bool:
    """Return whether some text may match both `one` and `other`, which can have IAM's wildcards."""
    return patterns_intersect(wildcard_pattern(one), wildcard_pattern(other))
