"""The attribute `record` of the audit table's items: a record's compressed text."""

from collections.abc import Mapping
from typing import Any

from jitney.core.compressed_text import compress_text, decompress_text


def record_attribute(text: str) -> dict[str, Any]:
    """Return the attribute that holds a record's text, as botocore takes it."""
    return {"record": {"B": compress_text(text)}}


def record_in(item: Mapping[str, Any]) -> str:
    """Return the text of the record in an item, as botocore gives it; "" if the item has no readable record."""
    data = item.get("record", {}).get("B")
    return decompress_text(data) if isinstance(data, bytes) else ""
