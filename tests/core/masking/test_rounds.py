"""After masking, a text is searched again for what it can hold then (row MASK 1)."""

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.masking import text as masking
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.text import Sought, mask_text
from tests.core.masking.planted import PLANTED
from tests.examples import examples

TAGS = MaskTags(lambda: b"k" * 32)
REVEALED = {
    "name": (r'"p\u0061ssword=Tr0ub4dor1 tok\u0065n=" Tr0ub4dor2x', "Tr0ub4dor2x"),
    "format": ("p%61ssword=Tr0ub4dor1x&b%65arer eyJhbGciOiJIUzI1NiJ9abcdefg", "eyJhbGciOiJIUzI1NiJ9abcdefg"),
}
"""Masking writes the escaped name, and the needle of the format with the space behind it."""
FRAGMENTS = [text for text, _ in (*PLANTED.values(), *REVEALED.values())]
FRAGMENTS += ['"', "\\", r"\u0065", "%6", "5", " ", "=", "tok", "en", "pwd", "://a:b@", "\u212aey", "\u0130"]


@pytest.mark.parametrize("name", REVEALED)
def test_mask_01_a_secret_beside_rewritten_text_is_masked(name: str):
    text, secret = REVEALED[name]
    assert secret not in mask_text(text, TAGS)


def test_mask_01_a_long_word_alone_can_be_the_value_of_a_name():
    assert "k3v7q2M5x4Tb9R1zLw" not in mask_text("the password is k3v7q2M5x4Tb9R1zLw", TAGS)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join), st.sampled_from(Sought))
@settings(max_examples=examples(400))
def test_mask_01_each_round_finds_what_a_search_of_the_whole_text_finds(text: str, sought: Sought):
    with mock.patch.object(masking, "LONGEST_NEEDLE", 10**6):  # what is around a mask is then the whole text
        whole = mask_text(text, TAGS, sought)
    assert mask_text(text, TAGS, sought) == whole
