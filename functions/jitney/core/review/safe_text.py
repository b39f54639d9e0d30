"""Text that somebody else wrote, made harmless for any channel: nothing invisible, no layout of its own, not too long.

What an agent can choose is not only its reason: the names of resources are its own too. Who renders such text into a
format escapes it for that format besides.
"""

import re
import unicodedata
from collections.abc import Sequence

# Printable by Unicode's general category, and yet nothing is to be seen (Unicode Character Database, property
# Default_Ignorable_Code_Point, and the blank Braille pattern).
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_SPACES = re.compile(r"\s+")
_LOOSE_SPACES = re.compile(r"^\s+|\s+$|\s{2,}|[^\S ]")
# What makes readers see an address where none is marked: a scheme's colon, the dot before a letter, an at sign.
_ADDRESS_MARKS = re.compile(r":(?=//)|(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_])|(?<=[^\s\[])[@\uff20](?=\S)")
MOST_MARKS = 2
"""Combining marks in a row that are kept: more of them paint over the lines around."""


def escape_invisible(text: str) -> str:
    """The text on one line: every character that cannot be seen is shown by its number, as [U+202E].

    That are controls, line breaks apart, zero-width and bidi characters, fillers, and what Unicode knows nothing of.
    """
    line = _SPACES.sub(" ", text).strip()
    if line.isascii() and line.isprintable():
        return line
    shown: list[str] = []
    marks = 0
    for character in line:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MOST_MARKS:
            continue
        hidden = not character.isprintable() or character in _BLANKS
        shown.append(f"[U+{ord(character):04X}]" if hidden else character)
    return "".join(shown)


def escape_exact(name: str) -> str:
    """As `inert`, for names in which each character counts: but for single spaces between others, spaces are shown too.

    Two keys of S3 that differ by a space at the end are two keys (row REV 10).
    """
    return escape_invisible(_LOOSE_SPACES.sub(lambda found: "".join(f"[U+{ord(each):04X}]" for each in found[0]), name))


def cut(text: str, most: int) -> str:
    """At most `most` characters of the text, inert; how many there were is said in them."""
    return _shortened(escape_invisible(text), most, end=0)


def middle_cut(text: str, most: int) -> str:
    """As `cut`, exact, with the text's end kept too: a wildcard at the end of an ARN is what matters most."""
    return _shortened(escape_exact(text), most, end=most // 3)


def _shortened(whole: str, most: int, end: int) -> str:
    if len(whole) <= most:
        return whole
    note = f" [{len(whole)} characters, cut here] "
    back = whole[len(whole) - end :]
    return f"{whole[: most - len(note) - len(back)]}{note}{back}".strip()


def defang(text: str) -> str:
    """The inert text in which mail readers find no address to make a link of: https[:]//evil[.]example, a[@]b[.]c."""
    return _ADDRESS_MARKS.sub(lambda mark: f"[{mark[0]}]", escape_invisible(text))


def format_list(names: Sequence[str], most: int, what: str) -> str:
    """The first `most` names, and how many more of `what` there are."""
    shown = ", ".join(names[:most])
    more = len(names) - most
    return f"{shown} and {more} more {what}" if more > 0 else shown
