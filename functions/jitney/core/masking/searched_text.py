"""A text with the parts that all detectors need, computed once."""

from typing import NamedTuple, Self

from jitney.core.masking.runs import Span, long_words, word_spans

# ASCII, and the Kelvin sign, whose small letter is ASCII's k.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | {0x212A: ord("k")}


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
    """Return the text with ASCII in lower case. Its length stays the same."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWER)
