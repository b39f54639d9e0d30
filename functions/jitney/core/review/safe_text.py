"""Makes untrusted text safe to show. It has no invisible characters, no layout of its own, and a limited length. Pure.

An agent chooses its reason and also the names of resources. Each channel escapes text for its own format too.
"""

import re
import unicodedata
from collections.abc import Callable

# Characters that Unicode's general category calls printable, but that are invisible: those with the property
# Default_Ignorable_Code_Point (Unicode Character Database), the blank Braille pattern, and a blank musical note.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (0x1D159, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_SPACES = re.compile(r"\s+")
# Spaces that would be invisible, and the bracket of text that looks like an escaped character.
_MISLEADING = re.compile(r"^\s+|\s+$|\s{2,}|[^\S ]|\[(?=U\+[0-9A-F]{4,6}\])")
# Unicode's double quotation marks, its double primes, and the letters that look like them.
_MARKS_OF_QUOTATION = re.compile(
    "[\u201c-\u201f\u2033\u2036\u275d\u275e\u2760\u2e42\u301d-\u301f\uff02\U0001f676-\U0001f678\u02ba\u02dd\u02ee\u05f4]"
)
# What makes plain text look like an address: a scheme's colon, the dot before a letter, an at sign.
_ADDRESS_MARKS = re.compile(r":(?=//)|(?<=[^\s\[])(?:[.\u3002\uff0e\uff61](?=[^\W\d_])|[@\uff20](?=\S))")
MOST_SHORT_RESOURCE = 60
MOST_MARKS = 2
"""The limit of combining marks in a row. More would overlap other lines."""
_PILING = frozenset({"Mn", "Me"})


def escape_invisible(text: str) -> str:
    """Return the text on one line, with each invisible character shown as its code point, such as [U+202E].

    These are control, zero-width, bidi and filler characters, and unassigned ones. Combining marks that would
    overlap other lines are shown so, too. Line breaks become spaces.
    """
    line = _SPACES.sub(" ", text).strip()
    if line.isascii() and line.isprintable():
        return line
    shown: list[str] = []
    marks = 0
    for character in line:
        marks = marks + 1 if unicodedata.category(character) in _PILING else 0
        hidden = marks > MOST_MARKS or is_invisible(character)
        shown.append(_code_point(character) if hidden else character)
    return "".join(shown)


def is_invisible(character: str) -> bool:
    """Return whether the character is invisible. A space other than " " counts as invisible, too."""
    return not character.isprintable() or character in _BLANKS


def escape_exact(name: str) -> str:
    """Escape a name in which each character counts. Spaces are shown too, except single spaces inside the name.

    S3 keys that differ by a trailing space are different keys (row REV 10). A name that spells out "[U+0020]" looks
    different from one with that space.
    """
    return escape_invisible(_MISLEADING.sub(lambda found: "".join(map(_code_point, found[0])), name))


def cut(text: str, most: int) -> str:
    """Return at most `most` characters of the escaped text. A cut text says its length."""
    return _shortened(escape_invisible(text), most, end=0)


def middle_cut(text: str, most: int, escape: Callable[[str], str] = escape_exact) -> str:
    """Return at most `most` characters of the exact text. `escape` escapes the text before it is cut.

    The end is kept, because an ARN's last wildcard matters most.
    """
    return _shortened(escape(text), most, end=most // 3)


def one_word(name: str) -> str:
    """Return the exact name with all its spaces shown as [U+0020].

    A name that an agent chose cannot continue the sentence that it is in (row REV 10).
    """
    return escape_exact(name).replace(" ", _code_point(" "))


def quote(text: str, most: int) -> str:
    """Return at most `most` characters of the escaped text, in quotation marks.

    Quotation marks within the text are replaced by `"`. So no words continue after their quotation (row REV 10).
    """
    words = cut(_MARKS_OF_QUOTATION.sub('"', text), most)
    return f"“{words}”"


def short_resource(arn: str) -> str:
    """Return a resource in two words, for a sentence: "s3 reports/2026/*". The exact ARN is shown elsewhere."""
    if arn == "*":
        return "all resources"
    scheme, _, rest = arn.partition(":")
    parts = rest.split(":", 4)
    if scheme != "arn" or len(parts) != len(("partition", "service", "region", "account", "name")):
        return middle_cut(arn, MOST_SHORT_RESOURCE, one_word)
    return middle_cut(f"{one_word(parts[1])} {one_word(parts[4])}", MOST_SHORT_RESOURCE, str)


def _code_point(character: str) -> str:
    return f"[U+{ord(character):04X}]"


def _shortened(whole: str, most: int, end: int) -> str:
    if len(whole) <= most:
        return whole
    note = f" [{len(whole)} characters, cut here] "
    back = whole[len(whole) - end :]
    return f"{whole[: most - len(note) - len(back)]}{note}{back}".strip()


def defang(text: str) -> str:
    """Return the escaped text with defanged addresses: https[:]//evil[.]example, a[@]b[.]c."""
    return _ADDRESS_MARKS.sub(lambda mark: f"[{mark[0]}]", escape_invisible(text))
