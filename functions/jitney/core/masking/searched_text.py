"""A text with the parts that all detectors need, computed once."""

from typing import NamedTuple, Self

from jitney.core.masking.runs import LONG_WORD, long_words, runs

# ASCII, and the Kelvin sign, whose small letter is ASCII's k.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | {0x212A: ord("k")}


class SearchedText(NamedTuple):
    """A text that is searched for secrets.

    `lowered` is the text of the same length with ASCII in lower case. `words` are its long words, each once, separated
    by spaces. Keys, tokens and base64 occur only in long words. `runs` are the spans of its long runs of base64.
    """

    text: str
    lowered: str
    words: str
    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the text with its parts."""
        words = long_words(text)
        return cls(text, lower(text), words, tuple(runs(text, LONG_WORD)) if words else ())


def lower(text: str) -> str:
    """Return the text with ASCII in lower case. Its length stays the same."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWER)
