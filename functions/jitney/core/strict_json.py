"""Strict JSON (RFC 8259): refuses texts that one parser reads differently from another."""

import json
from typing import Any, Final


class Unclear:
    """Replaces a part of a document that one parser reads differently from another."""


UNCLEAR: Final = Unclear()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member's name appears twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _marked_members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Unclear:
    members = dict(pairs)
    return members if len(members) == len(pairs) else UNCLEAR


_decode = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant).decode
_decode_marking = json.JSONDecoder(object_pairs_hook=_marked_members, parse_constant=lambda _: UNCLEAR).decode


def loads(raw: bytes) -> Any:
    """Return the JSON value in `raw`, which must be UTF-8 without a byte order mark.

    Raises ValueError for malformed text, NaN, Infinity and lone surrogates, and for nesting deeper than the
    interpreter's stack. Also raises it for a name that appears twice in one object, because RFC 8259 section 4 does not
    define its meaning.
    """
    try:
        text = raw.decode("utf-8")
        value = _decode(text)
        if "\\ud" in text.lower():  # an escape may form a lone surrogate, which is no character
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeError as error:
        raise ValueError("not UTF-8") from error
    return value


def loads_marking(raw: bytes) -> Any:
    """Return the JSON value in `raw` like `loads`, with `UNCLEAR` for each object or number that it would refuse.

    Strings may hold lone surrogates. Raises ValueError for text that is not JSON in UTF-8.
    """
    try:
        return _decode_marking(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeError as error:
        raise ValueError("not UTF-8") from error
