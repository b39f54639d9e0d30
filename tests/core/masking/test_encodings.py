"""Encoded text is found without matching the patterns against the whole text (row MASK 1)."""

import base64
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.masking.encodings import _QUOTED, _RUN, _escaped, _read, find_encoded, may_contain_encoded
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.searched_text import SearchedText
from jitney.core.masking.text import suspects
from tests.examples import examples

PIECES = st.one_of(
    st.binary(max_size=24).map(lambda data: base64.b64encode(data).decode()),
    st.text(st.sampled_from("abz 12:-"), max_size=24).map(
        lambda text: base64.urlsafe_b64encode(text.encode()).decode()
    ),
    st.text(st.sampled_from("abz 12:-"), max_size=16).map(
        lambda text: base64.b64encode(text.encode("utf-16")).decode()
    ),
    st.sampled_from(["77u/", "77u_", "cGFzc3dvcmQ9", "aHVudGVyMjAwMA=="]),
    st.text(st.sampled_from("aA7+/_-=.~%: \0é\n"), max_size=6),
)


@given(st.text(st.sampled_from('"\\an ')), st.integers(0, 3))
@settings(max_examples=examples(1000))
def test_mask_01_escaped_quotes_equal_the_matches_of_a_plain_search(text: str, start: int):
    found = [match.span() for match in _QUOTED.finditer(text, start) if "\\" in match[0]]
    assert [match.span() for match in _escaped(text, start, len(text))] == found


@given(st.lists(st.text(st.sampled_from('"\\an ')), max_size=5))
@settings(max_examples=examples(1000))
def test_mask_01_escaped_quotes_of_joined_texts_are_those_of_each(texts: list[str]):
    alone, at = set[tuple[int, int]](), 0
    for each in texts:
        alone |= {(at + start, at + end) for start, end, _ in find_encoded(SearchedText.of(each))}
        at += len(each) + 1
    assert {(start, end) for start, end, _ in find_encoded(SearchedText.of("\0".join(texts)))} == alone


def test_mask_01_a_quotation_mark_in_another_text_hides_no_secret():
    texts = ['a 7" disk', '5" pipe, see "p\\u0061ssword=hunter2000"']
    assert suspects(texts) == {1}
    assert UNTAGGED.data(texts) == [texts[0], '5" pipe, see "password=[masked credential]"']


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("more", ["", "x", "xx"])
def test_mask_01_masked_base64_has_the_alphabet_and_the_padding_of_the_text(
    encode: Callable[[bytes], bytes], more: str, *, padded: bool
):
    plain = f"abc?ab>?>>ab~~~ password=hunter2000 ?>?~{more}"
    masked = plain.replace("hunter2000", "[masked credential]")
    written, expected = (encode(each.encode()).decode() for each in (plain, masked))
    assert set("-_+/") & set(written)
    if not padded and written.endswith("="):
        written, expected = written.rstrip("="), expected.rstrip("=")
    assert UNTAGGED.data([written]) == [expected]


@pytest.mark.parametrize("signs", ["\x1b[0;32mok\x1b[0m", "done\x07", "10%\x08\x08\x0820%"])
def test_mask_01_base64_of_what_a_terminal_shows_is_searched(signs: str):
    shown = f"[{signs}] cloud-init: password=hunter2000\r\n"
    masked = base64.b64decode(UNTAGGED.text(base64.b64encode(shown.encode()).decode())).decode()
    assert masked == shown.replace("hunter2000", "[masked credential]")


@pytest.mark.parametrize("start", ["Über", "für", "Größe", "abé", "abcé", "🔑", "日本語", "a日", "ab日", "\ufeffx"])
def test_mask_01_base64_that_begins_with_any_letter_is_searched(start: str):
    masked = UNTAGGED.text(base64.b64encode(f"{start} password=hunter2000".encode()).decode())
    assert base64.b64decode(masked).decode() == f"{start} password=[masked credential]"


@given(st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=examples(1000))
def test_mask_01_base64_equals_the_matches_in_the_whole_text(text: str):
    matches = [match for match in re.finditer(_RUN.pattern, text, re.ASCII) if len(match[0]) >= 16]
    decoded = [(match, [run for run in (match[0], match[0].partition("/")[0]) if len(run) >= 16]) for match in matches]
    found = [(each.start(), next(filter(_read, runs), "")) for each, runs in decoded]
    spans = [
        (start, end) for start, end, _ in find_encoded(SearchedText.of(text)) if not set(text[start:end]) & set("%\\")
    ]
    assert spans == [(start, start + len(run)) for start, run in found if run]
    assert may_contain_encoded(text) or not matches
