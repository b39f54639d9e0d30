"""Strict JSON (RFC 8259): refuses texts that one parser reads differently from another."""

import json
from collections import Counter
from typing import Any, Final

MOST_NAME = 60


class NotStrictJson(ValueError):
    """Why a text is refused, as a sentence. It quotes nothing of the text but a member's name, in ASCII."""


class Unclear:
    """Replaces a part of a document that one parser reads differently from another."""


UNCLEAR: Final = Unclear()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        (twice, _), *_more = Counter(name for name, _ in pairs).most_common(1)
        raise NotStrictJson(f"The member {twice[:MOST_NAME]!a} appears more than once in one object.")
    return members


def _no_constant(name: str) -> Any:
    raise NotStrictJson(f"{name} is not a JSON number.")


def _marked_members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Unclear:
    members = dict(pairs)
    return members if len(members) == len(pairs) else UNCLEAR


_decode = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant).decode
_decode_marking = json.JSONDecoder(object_pairs_hook=_marked_members, parse_constant=lambda _: UNCLEAR).decode


def loads(raw: bytes) -> Any:
    """Return the JSON value in `raw`, which must be UTF-8 without a byte order mark.

    Raises NotStrictJson for malformed text, NaN, Infinity and lone surrogates, and for nesting deeper than the
    interpreter's stack. Also raises it for a name that appears twice in one object, because RFC 8259 section 4 does not
    define its meaning.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeError as error:
        raise NotStrictJson("The text is not UTF-8.") from error
    try:
        value = _decode(text)
        if "\\ud" in text.lower():  # an escape may form a lone surrogate, which is no character
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise NotStrictJson("Objects or arrays are nested too deeply.") from error
    except UnicodeError as error:
        raise NotStrictJson("A \\u escape is half of a surrogate pair.") from error
    except json.JSONDecodeError as error:
        raise NotStrictJson(f"The JSON is malformed at line {error.lineno}, column {error.colno}.") from error
    except NotStrictJson:
        raise
    except ValueError as error:  # int() of more than 4,300 digits
        raise NotStrictJson("A number has too many digits.") from error
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
