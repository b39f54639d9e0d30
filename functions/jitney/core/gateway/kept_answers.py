"""Masked answers that are kept for a repeat of the same POST, such as an SDK's retry after a lost answer."""

import json
from collections.abc import Mapping
from typing import Any

KEPT_SECONDS = 15 * 60
MAX_KEPT_BYTES = 256 * 1024
"""The largest kept answer with its envelope, in UTF-8. DynamoDB's limit for an item is 400 KB."""


def answer_to_keep(answer: Mapping[str, Any], *, revealed: bool) -> str | None:
    """Return the text to keep of the answer to POST /v1/calls, or None.

    A large answer is not kept. An unmasked answer of a grant with `reveal` is not kept either, because secrets are
    never stored.
    """
    if revealed:
        return None
    text = json.dumps(answer, separators=(",", ":"))
    return text if len(text) <= MAX_KEPT_BYTES else None
