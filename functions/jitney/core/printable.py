"""Text by agents and callers, as a terminal can print it. Pure."""

import unicodedata


def strip_control_characters(text: object) -> str:
    """Return the text with control, format and surrogate characters as U+FFFD. A terminal can print it safely."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(sign) in {"Cc", "Cf", "Cs"} else sign for sign in str(text)
    )
