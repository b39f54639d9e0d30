"""A text with the parts that all detectors need, computed once."""

from typing import NamedTuple, Self

from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.runs import Span, long_words, word_spans

_KELVIN = "\u212a"
"""The only character outside ASCII whose small letter is in ASCII."""
_ESCAPE = "\x1b"
# Such as a colour. ECMA-48 section 5.4 has the form; programs write it around a name or a value.
_CONTROL_SEQUENCE = LazyPattern(r"\x1b\[[0-?]{0,40}[ -/]{0,4}[@-~]")
_SPACES = ("\u00a0", "\u202f", "\u2007", "\u3000", "\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")
"""Spaces that do not break a line, and characters without a width. They are copied from pages and chats."""


class SearchedText(NamedTuple):
    """A text that is searched for secrets.

    `text` is `written` with plain spaces in the places of other spaces and of a terminal's control sequences.
    `lowered` is `text` with ASCII in lower case. Each has the length of `written`. Keys, tokens and base64 occur only
    in long words: `spans` are their places, and `words` the words themselves, each once, separated by spaces.
    """

    written: str
    text: str
    lowered: str
    words: str
    spans: list[Span]

    @classmethod
    def of(cls, written: str) -> Self:
        """Return the text with its parts."""
        text = _plain(written)
        spans = word_spans(text)
        return cls(written, text, lower(text), long_words(text, spans), spans)


def _plain(text: str) -> str:
    if _ESCAPE in text:
        text = _CONTROL_SEQUENCE.sub(lambda match: " " * len(match[0]), text)
    if not text.isascii():
        for space in _SPACES:
            text = text.replace(space, " ")
    return text


def lower(text: str) -> str:
    """Return the text with ASCII in lower case. Its length stays the same. Some other characters become `?`."""
    if text.isascii():
        return text.lower()
    # Python lowers bytes ten times as fast as text outside ASCII.
    return text.replace(_KELVIN, "k").encode("latin-1", "replace").lower().decode("latin-1")
