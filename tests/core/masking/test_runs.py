import re

from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking.runs import runs


@given(st.text(st.sampled_from("aZ9_+/- =é\0")), st.integers(1, 5))
def test_runs_equal_a_patterns_matches(text: str, least: int):
    assert runs(text, least) == [each.span() for each in re.finditer(rf"[A-Za-z0-9_+/-]{{{least},}}", text)]
