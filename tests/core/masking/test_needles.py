"""Searching for a part of a needle first finds the same needles (row MASK 1)."""

import re
import sys
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking import named_secrets, needles, runs, secret_formats
from jitney.core.masking.format_entry import SecretFormat
from jitney.core.masking.runs import _LETTERS, _TOKEN_LETTERS
from jitney.core.masking.searched_text import SearchedText, lower
from tests.core.masking.test_command_formats import MASKED

NEEDLES = [*named_secrets.PARTS, *(each.needle for each in secret_formats.FORMATS)]
LONG = "\n" * 3000
MARKED = [
    "https://example.com/hooks/T0Abc1234dEf5",
    "curl -u admin:Tr0ub4dor https://example.com",
    "Authorization: basic dXNlcjpwYXNz",
    "123456789:AAk3v7q2M5x4Tbca9R1zLwk3v7q2M5x4Tba",
    "db.internal:5432:reports:app:Tr0ub4dor",
    "pscp -pw Tr0ub4dor a h:",
    "redis-cli -a Tr0ub4dor ping",
    "sshpass -p Tr0ub4dor ssh h",
    "usermod -p Tr0ub4dor app",
    *MASKED,
]
PARTS = sorted({needle[start:end] for needle in NEEDLES for start in range(len(needle)) for end in (start + 3, None)})


def test_mask_01_each_part_is_of_its_needle_and_each_needle_exists():
    assert all(part in needle for needle, parts in needles._PARTS.items() for part in parts)
    assert set(needles._PARTS) <= set(NEEDLES)


@given(
    st.lists(st.sampled_from([*NEEDLES, *PARTS, " ", "x"]), max_size=6).map("".join),
    st.sampled_from(["", LONG]),
    st.sampled_from(["", LONG]),
)
def test_mask_01_the_contained_needles_are_those_that_a_plain_search_finds(text: str, before: str, after: str):
    assert needles.contained(NEEDLES, before + text + after) == [needle for needle in NEEDLES if needle in text]


@given(st.lists(st.tuples(st.sampled_from("aé= %"), st.integers(0, 40)), max_size=8), st.integers(1, 30))
def test_mask_01_runs_are_found_across_the_parts_of_a_text(pieces: list[tuple[str, int]], size: int):
    text = "".join(letter * count for letter, count in pieces)
    whole = runs.runs(text, 8), SearchedText.of(text)
    assert whole[0] == [match.span() for match in re.finditer("a{8,}", text)]
    with mock.patch.object(runs, "_PART", size):
        assert (runs.runs(text, 8), SearchedText.of(text)) == whole


@pytest.mark.parametrize("each", [each for each in secret_formats.FORMATS if each.mark], ids=lambda each: each.needle)
def test_mask_01_a_format_matches_nothing_without_its_mark(each: SecretFormat):
    found = [text for text in MARKED if re.search(each.pattern, text, re.ASCII | re.IGNORECASE)]
    assert found
    without = [text.replace(each.mark, "").replace(each.mark.replace(" ", "\t"), "") for text in found]
    assert not [text for text in without if re.search(each.pattern, text, re.IGNORECASE)]


def test_mask_01_base64_occurs_in_long_words_only():
    assert _LETTERS <= _TOKEN_LETTERS


@given(st.text() | st.text(st.sampled_from("aAzZ{@[`\u212a\u0130\u017f\u00c9\u00df\u20ac\U0001f511\ud800")))
def test_mask_01_ascii_is_lowered_in_place(text: str):
    lowered = [each.lower() for each in text]
    assert [each if each.isascii() and each != "?" else "" for each in lower(text)] == [
        each if each.isascii() and each != "?" else "" for each in lowered
    ]


def test_mask_01_only_the_kelvin_sign_has_a_small_letter_in_ascii():
    assert [chr(code) for code in range(0x80, sys.maxunicode + 1) if chr(code).lower().isascii()] == ["\u212a"]


def test_mask_01_no_needle_has_the_sign_of_a_lost_character():
    assert not [each for each in [*NEEDLES, *named_secrets.NEEDLES] if "?" in each]
