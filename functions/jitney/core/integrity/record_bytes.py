"""Audit records as the audit table holds them: compressed, because DynamoDB bills each kB of an item.

Most records of calls then fit into 1 kB. Streams, S3 and Athena have the text.
"""

import zlib

MAX_RECORD_BYTES = 1_000_000
"""More than any record has: an item of DynamoDB holds 400 kB. A small item cannot use up a reader's memory."""


def compressed_record(text: str) -> bytes:
    """Return the bytes that hold a record's text. Raises ValueError for a text that `record_text` would not return."""
    data = text.encode()
    if len(data) > MAX_RECORD_BYTES:
        raise ValueError(f"a record has {len(data)} bytes, more than {MAX_RECORD_BYTES}")
    return zlib.compress(data, 1)


def record_text(data: bytes) -> str:
    """Return the text in the bytes of a record, or "" if they are no whole compressed text."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, MAX_RECORD_BYTES).decode()
    except (zlib.error, UnicodeDecodeError):
        return ""
    return text if reader.eof and not reader.unused_data else ""
