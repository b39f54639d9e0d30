"""Texts as DynamoDB's tables hold them: compressed, because DynamoDB bills each kB of an item.

Grants and most records of calls then fit into 1 kB. Firehose, S3 and Athena get the text of records.
"""

import zlib

MAX_TEXT_BYTES = 1_000_000
"""The limit of a decompressed text, so that a small item cannot use up a reader's memory. An item holds 400 kB."""


def compress_text(text: str) -> bytes:
    """Return the bytes that hold a text. Raises ValueError for a text that `decompress_text` would not return."""
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"a text has {len(data)} bytes, more than {MAX_TEXT_BYTES}")
    return zlib.compress(data, 1)


def decompress_text(data: bytes) -> str:
    """Return the text in the bytes, or "" if they are not a whole compressed text."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, MAX_TEXT_BYTES).decode()
    except (zlib.error, UnicodeDecodeError):
        return ""
    return text if reader.eof and not reader.unused_data else ""
