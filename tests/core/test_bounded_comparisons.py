"""Comparisons with an answer for patterns that take too long to compare."""

import pytest

from jitney.core.bounded_comparisons import may_meet, when_too_complex
from jitney.core.patterns import Budget, PatternTooComplex, patterns_intersect, wildcard_pattern

SLOW = ("*a*b*" * 60, "*c*d*" * 60)


def test_patterns_that_take_too_long_to_compare_may_meet():
    with pytest.raises(PatternTooComplex):
        patterns_intersect(*map(wildcard_pattern, SLOW))
    assert may_meet(*SLOW)
    assert may_meet("arn:aws:s3:::reports/*", "*/a")
    assert not may_meet("arn:aws:s3:::reports/*", "arn:aws:s3:::logs/*")


@pytest.mark.parametrize("answer", [True, False])
def test_a_comparison_has_its_own_answer_only_if_it_ends(answer: bool):
    @when_too_complex(answer=answer)
    def matches(text: str, *, steps: int) -> bool:
        return wildcard_pattern("a?").matches(text, Budget(steps))

    assert [matches(text, steps=9) for text in ("ab", "bb")] == [True, False]
    assert [matches(text, steps=0) for text in ("ab", "a*")] == [answer, answer]
