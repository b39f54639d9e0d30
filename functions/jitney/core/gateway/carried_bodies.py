"""The bodies of AWS's answers within the gateway's own answer in JSON, and how large they may be."""

import json

MAX_RESPONSE_BYTES = 6_000_000
"""The body of AWS's answer in JSON. A Lambda function can answer with 6,291,556 bytes, headers included."""
_MOST_IN_JSON = 6
"""A byte of text is at most six characters of JSON, as in \\u0000. In base64 it is less."""
_AS_IT_IS = bytes({*range(0x20, 0x7F)} - {*b'"\\'})
_WITH_BACKSLASH = b'"\\\b\f\n\r\t'


def body_text(body: bytes) -> str | None:
    """Return the body as text; None where base64 is shorter in JSON, or the body is not text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if body.isascii() or len(json.dumps(text)) <= len(body) * 4 / 3 else None


def is_carried(body: bytes) -> bool:
    """Return whether a function can answer with the body. A small body is not measured."""
    if len(body) * _MOST_IN_JSON <= MAX_RESPONSE_BYTES:
        return True
    return _carried_length(body) <= MAX_RESPONSE_BYTES


def _carried_length(body: bytes) -> int:
    if body.isascii():
        return json_length(body)
    text = body_text(body)
    return len(body) * 4 // 3 if text is None else len(json.dumps(text))


def json_length(text: bytes) -> int:
    """Return how many characters of JSON a text in ASCII takes, in an eighth of the time for writing them."""
    escaped = text.translate(None, _AS_IT_IS)
    return 2 + len(text) + len(escaped) + 4 * len(escaped.translate(None, _WITH_BACKSLASH))
