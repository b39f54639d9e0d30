"""Reads the body of a request as one JSON object."""

from collections.abc import Mapping
from typing import Any

from jitney.core import strict_json
from jitney.core.config import Limits
from jitney.core.problems import Problem


def read_object(body: bytes, limits: Limits) -> dict[str, Any]:
    """Return the JSON object in `body`. Raises Problem body_too_large or body_malformed."""
    if len(body) > limits.max_body_bytes:
        raise Problem(
            "body_too_large",
            f"The body has {len(body)} bytes; the limit is {limits.max_body_bytes}.",
            "Request fewer actions and resources, or make several requests.",
        )
    return parse_object(body)


_FIX = "Send one JSON object in UTF-8, without compression, a byte order mark, duplicate members, NaN or Infinity."
_BEGINNINGS: Mapping[bytes, str] = {
    b"\xef\xbb\xbf": "The body begins with a byte order mark.",
    **dict.fromkeys((b"\x1f\x8b", b"\x1f\xef\xbf\xbd"), "The body is compressed with gzip."),
    **dict.fromkeys((b"{\0", b"\xff\xfe", b"\xfe\xff", b"\xef\xbf\xbd\xef\xbf\xbd"), "The body is not UTF-8."),
}
"""What a body is, by its first bytes, if it is not JSON. API Gateway replaces bytes that are not UTF-8 with U+FFFD."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`, of any size. Raises Problem body_malformed."""
    if not body.strip():
        raise Problem("body_malformed", "The request has no body.", _FIX)
    try:
        raw = strict_json.loads(body)
    except strict_json.NotStrictJson as error:
        found = (detail for begins, detail in _BEGINNINGS.items() if body.startswith(begins))
        raise Problem("body_malformed", next(found, str(error)), _FIX) from error
    if not isinstance(raw, dict):
        raise Problem("body_malformed", "The body is not a JSON object.", "Send one JSON object.")
    return raw
