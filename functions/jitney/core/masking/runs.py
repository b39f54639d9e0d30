"""Finds long words. Keys, tokens and base64 occur only in long words."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-")
_TABLE = bytes(ord("a") if code in _LETTERS else ord(" ") for code in range(256))

_TOKEN_LETTERS = _LETTERS | frozenset(b".=~%")
_TOKEN_TABLE = bytes(ord("a") if code in _TOKEN_LETTERS else ord(" ") for code in range(256))
_URL_LETTERS = _LETTERS | frozenset(b".~!*'()@:?=&$,;#%")
_URL_TABLE = bytes(ord("a") if code in _URL_LETTERS else ord(" ") for code in range(256))
LONG_WORD = 16
Span: TypeAlias = tuple[int, int]
_PART = 65_536


def runs(text: str, least: int) -> list[Span]:
    """Return the spans of at least `least` characters of base64 or base64url."""
    return _spans(text, least, _TABLE)


def word_spans(text: str) -> list[Span]:
    """Return the spans of the words with at least `LONG_WORD` characters of tokens and URLs."""
    return _spans(text, LONG_WORD, _TOKEN_TABLE)


def long_words(text: str, spans: Iterable[Span]) -> str:
    """Return the words at `spans`, each once, joined by spaces."""
    return " ".join(dict.fromkeys([text[start:end] for start, end in spans]))


def runs_around(text: str, mark: str) -> Iterator[Span]:
    """Yield the spans of URL characters that contain `mark`, which is a URL character itself."""
    at = text.find(mark)
    if at < 0:
        return
    shape = text.encode("latin-1", "replace").translate(_URL_TABLE)
    while at >= 0:
        end = shape.find(b" ", at)
        end = len(shape) if end < 0 else end
        yield shape.rfind(b" ", 0, at) + 1, end
        at = text.find(mark, end)


def _spans(text: str, least: int, table: bytes) -> list[Span]:
    # Two passes in C read 800 MB a second; a regular expression reads 15 to 50. The text is read in parts, because
    # allocating memory for a copy of a large text takes as long as the passes.
    found: list[Span] = []
    wanted, start = b"a" * least, -1
    for at in range(0, len(text), _PART):
        shape, first = text[at : at + _PART].encode("latin-1", "replace").translate(table), 0
        if start >= 0:
            first = shape.find(b" ")
            if first < 0:
                continue
            if at + first - start >= least:
                found.append((start, at + first))
        start = at + shape.rfind(b" ") + 1
        first = shape.find(wanted, first)
        while 0 <= first < start - at:
            end = shape.find(b" ", first)
            found.append((at + first, at + end))
            first = shape.find(wanted, end)
    if start >= 0 and len(text) - start >= least:
        found.append((start, len(text)))
    return found
