"""Items as DynamoDB's streams give them to Lambda: bytes are in base64."""

import base64
from collections.abc import Mapping
from typing import Any


def stream_image(item: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return an item of boto3 as it is in a stream."""
    return {name: {kind: _streamed(each) for kind, each in value.items()} for name, value in item.items()}


def _streamed(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
