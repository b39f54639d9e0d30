"""Finds passwords in the words of a command: in a list of words, and in a list that a text has as JSON."""

import json
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate

from jitney.core.masking import command_formats
from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.searched_text import SearchedText
from jitney.core.masking.secret_formats import find_known_formats, formats_in

_FORMATS = frozenset(command_formats.FORMATS)
_WORD = r'"(?:[^"\\\n\0]|\\[^\n\0]){0,500}"'
_LIST = LazyPattern(rf"\[\s{{0,99}}{_WORD}(?:\s{{0,99}},\s{{0,99}}{_WORD}){{1,99}}\s{{0,99}}\]")
_WORDS = LazyPattern(_WORD)


def passwords_in(words: Sequence[str]) -> set[int]:
    """Return the indexes of the words of a command that hold a password because of words before them."""
    apart, line = "\0".join(words), " ".join(words)
    crossing = _passwords(line) - _passwords(apart)
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    return {bisect(starts, start) - 1 for start, _ in crossing}


def find_in_word_lists(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of words with a password in lists such as `CMD ["mysql", "-uapp", "-phunter2000"]`."""
    if '"-' not in text:
        return
    for found in _LIST.finditer(text):
        spans = [word.span() for word in _WORDS.finditer(text, *found.span())]
        try:
            words = [json.loads(text[start:end]) for start, end in spans]
        except ValueError:  # no escape of JSON
            continue
        for place in passwords_in(words):
            yield spans[place][0] + 1, spans[place][1] - 1


def _passwords(line: str) -> set[tuple[int, int]]:
    searched = SearchedText.of(line)
    return set(find_known_formats(searched, filter(_FORMATS.__contains__, formats_in(searched))))
