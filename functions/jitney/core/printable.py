"""Text by agents and callers, as a terminal can print it. Pure."""

import unicodedata

_REPLACED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def strip_control_characters(text: object) -> str:
    """Return the text with control, format and surrogate characters, and separators of lines, as U+FFFD.

    A terminal can print it safely, and programs read it as one line.
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if is_control(sign) else sign for sign in str(text))


def is_control(sign: str) -> bool:
    """Return whether a character is a control, format or surrogate character, or separates lines."""
    return unicodedata.category(sign) in _REPLACED
