"""Reads the JSON object in a text that may be anything, such as a damaged record."""

import json
from typing import Any


def json_object(text: str | bytes) -> dict[str, Any]:
    """Return the object in a JSON text; {} for any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
