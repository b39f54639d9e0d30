"""The bodies of AWS's answers within the gateway's own answer in JSON, and how large they may be.

The gateway's answer is a JSON text within the JSON that the function returns to API Gateway. So it is escaped twice:
a quotation mark takes four bytes.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from collections.abc import Sequence

MAX_RESPONSE_BYTES = 5_900_000
"""The body of AWS's answer, as the function returns it. A function can return 6,291,556 bytes, headers included."""
_PLAIN = bytes({*range(0x20, 0x7F)} - {*b'"\\'})
"""The bytes of UTF-8 that are one character of JSON."""
_SHORT = b"\b\f\n\r\t"
_ESCAPED = (
    b'"\\',
    _SHORT,
    bytes({*range(0x20), 0x7F, *range(0xC2, 0xF0)} - {*_SHORT}),
    bytes(range(0xF0, 0xF5)),
)
"""The other bytes that start a character, by the length of that character in JSON."""
_OTHERS = tuple(bytes({*range(256)} - {*found}) for found in _ESCAPED)
ONCE, TWICE = (2, 2, 6, 12), (4, 3, 7, 14)
"""The lengths of the characters that start with each of `_ESCAPED`, in JSON and in JSON within JSON."""
_MOST = 7
"""A byte of text is at most seven bytes of JSON within JSON, as in \\\\u0000. In base64 it is less."""


def body_text(body: bytes) -> str | None:
    """Return the body as text; None where only base64 fits or is shorter in JSON, or the body is not text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if not body.isascii() and json_length(body, ONCE) > len(body) * 4 / 3:
        return None
    return text if _is_small(body) or json_length(body, TWICE) <= MAX_RESPONSE_BYTES else None


def is_carried(body: bytes) -> bool:
    """Return whether a function can answer with the body. A small body is not measured."""
    return _is_small(body) or len(body) * 4 // 3 <= MAX_RESPONSE_BYTES or body_text(body) is not None


def json_length(text: bytes, lengths: Sequence[int]) -> int:
    """Return how many characters of JSON in ASCII a text in UTF-8 takes. It takes an eighth of the time to write it.

    `lengths` is `ONCE`, or `TWICE` for JSON within JSON. Quotation marks around the text do not count.
    """
    escaped = text.translate(None, _PLAIN)
    counts = (len(escaped.translate(None, others)) for others in _OTHERS)
    return len(text) - len(escaped) + sum(length * count for length, count in zip(lengths, counts, strict=True))


def _is_small(body: bytes) -> bool:
    return len(body) * _MOST <= MAX_RESPONSE_BYTES
