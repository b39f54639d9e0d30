"""Finds text that a reviewer of a change does not see as Jitney reads it, also in comments and annotations.

A character that reverses the text, or a line break that an editor does not show, moves what is a comment and what is
not (CVE-2021-42574). A policy behind hundreds of spaces is outside of the window.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_MOST_BLANKS = 100
_FAR_TEXT = re.compile(rf"[ \t]{{{_MOST_BLANKS},}}(?=[^ \t\r\n])")
# Control characters, line and paragraph separators, and characters of direction. Other invisible characters do not
# change what is shown around them, and are refused where they count (`look_alikes`).
_CATEGORIES = frozenset({"Cc", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FIRST_TAG, _LAST_TAG = "\U000e0000", "\U000e01ef"  # invisible letters, which programs can read
_ESCAPE = re.compile(r"\\(?:\\|(x[0-9A-Fa-f]{2}|[uU](?:\{?[0-9A-Fa-f]{1,8}\}?)))")


class HiddenText(NamedTuple):
    """A place in a text, its line and column from 1, what is wrong there, and the fix."""

    line: int
    column: int
    wrong: str
    fix: str


def hidden_text(text: str) -> Iterator[HiddenText]:
    """Yield each line's first character that hides text, and each text far to the right of the rest of its line."""
    for number, line in enumerate(text.split("\n"), 1):
        shown = line.removesuffix("\r")
        for column, character in enumerate(shown, 1):
            if _hides(character):
                named = f"{unicodedata.name(character, 'a control character')} (U+{ord(character):04X})"
                wrong = f"{named} can hide text from the people who review this file"
                yield HiddenText(number, column, wrong, "remove that character")
                break
        if far := _FAR_TEXT.search(shown):
            wrong = f"text follows after {len(far[0])} blanks, where few people look"
            yield HiddenText(number, far.end() + 1, wrong, "begin a new line, or remove the blanks")


def _hides(character: str) -> bool:
    return (
        (unicodedata.category(character) in _CATEGORIES and character != "\t")
        or character in _DIRECTIONS
        or _FIRST_TAG <= character <= _LAST_TAG
    )


def escaped_character(quoted: str) -> str:
    r"""Return the first character in a quoted text that is written by its number, such as \u{61}; "" if none is."""
    return next((found[1] for found in _ESCAPE.finditer(quoted) if found[1]), "")
