"""Reads the body of a request as one JSON object."""

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


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`, of any size. Raises Problem body_malformed."""
    try:
        raw = strict_json.loads(body)
    except ValueError as error:
        detail = "The body is not well-formed JSON." if body else "The request has no body."
        fix = (
            "Send one JSON object in UTF-8, without compression, a byte order mark, duplicate members, NaN or Infinity."
        )
        raise Problem("body_malformed", detail, fix) from error
    if not isinstance(raw, dict):
        raise Problem("body_malformed", "The body is not a JSON object.", "Send one JSON object.")
    return raw
