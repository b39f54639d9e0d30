"""A text with the parts that all detectors need, computed once."""

from typing import NamedTuple, Self

from jitney.core.masking.runs import Span, long_words, word_spans

_KELVIN = "\u212a"
"""The only character outside ASCII whose small letter is in ASCII."""


class SearchedText(NamedTuple):
    """A text that is searched for secrets.

    `lowered` is the text of the same length with ASCII in lower case. Keys, tokens and base64 occur only in long words:
    `spans` are their places, and `words` the words themselves, each once, separated by spaces.
    """

    text: str
    lowered: str
    words: str
    spans: list[Span]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the text with its parts."""
        spans = word_spans(text)
        return cls(text, lower(text), long_words(text, spans), spans)


def lower(text: str) -> str:
    """Return the text with ASCII in lower case. Its length stays the same. Some other characters become `?`."""
    if text.isascii():
        return text.lower()
    # Python lowers bytes ten times as fast as text outside ASCII.
    return text.replace(_KELVIN, "k").encode("latin-1", "replace").lower().decode("latin-1")
