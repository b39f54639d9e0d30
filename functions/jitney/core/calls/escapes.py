"""Percent-encoding of names in paths and headers (RFC 3986 section 2.1)."""

import re

_ESCAPED = re.compile("(?:%[0-9A-Fa-f]{2})+")
_RESERVED = re.compile(r"[^A-Za-z0-9_.~-]")


def escaped(text: str, kept: str = "") -> str:
    """Return `text` with each character escaped, except unreserved ones and those of `kept`."""
    return _RESERVED.sub(lambda found: found[0] if found[0] in kept else _escape_of(found[0]), text)


def unescaped(text: str) -> str:
    """Return `text` without escapes. Bytes that are not UTF-8 become U+FFFD."""
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), text)


def _escape_of(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="replace"))
