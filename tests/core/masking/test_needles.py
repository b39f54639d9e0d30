"""Searching for a part of a needle first finds the same needles (row MASK 1)."""

from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking import named_secrets, needles, secret_formats
from jitney.core.masking.runs import _LETTERS, _TOKEN_LETTERS

NEEDLES = [*named_secrets.PARTS, *(each.needle for each in secret_formats.FORMATS)]
PARTS = sorted({needle[start:end] for needle in NEEDLES for start in range(len(needle)) for end in (start + 3, None)})


def test_mask_01_each_part_is_of_its_needle_and_each_needle_exists():
    assert all(part in needle for needle, part in needles._PARTS.items())
    assert set(needles._PARTS) <= set(NEEDLES)


@given(st.lists(st.sampled_from([*NEEDLES, *PARTS, " ", "x"]), max_size=6).map("".join))
def test_mask_01_the_contained_needles_are_those_that_a_plain_search_finds(text: str):
    assert needles.contained(NEEDLES, text) == [needle for needle in NEEDLES if needle in text]


def test_mask_01_base64_occurs_in_long_words_only():
    assert _LETTERS <= _TOKEN_LETTERS
