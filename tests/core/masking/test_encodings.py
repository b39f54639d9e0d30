"""Quoted text with escapes is found without matching the quoted texts between (row MASK 1)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.masking.encodings import _QUOTED, _escaped
from tests.examples import examples


@given(st.text(st.sampled_from('"\\\0an ')), st.integers(0, 3))
@settings(max_examples=examples(1000))
def test_mask_01_escaped_quotes_equal_the_matches_of_a_plain_search(text: str, start: int):
    found = [match.span() for match in _QUOTED.finditer(text, start) if "\\" in match[0]]
    assert [match.span() for match in _escaped(text, start)] == found
