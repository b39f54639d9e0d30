"""Texts as DynamoDB's tables hold them: compressed, because DynamoDB bills each kB of an item.

Grants and most records of calls then fit into 1 kB. Firehose, S3 and Athena get the text of records.
"""

import zlib

MAX_TEXT_BYTES = 1_000_000
"""The limit of a decompressed text, so that a small item cannot use up a reader's memory. An item holds 400 kB."""
_SMALL = 4096
"""A text of at most so many bytes fits into a window of 2**12 bytes."""


def compress_text(text: str) -> bytes:
    """Return the bytes that hold a text. Raises ValueError for a text that `decompress_text` would not return."""
    data = text.encode()
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"a text has {len(data)} bytes, more than {MAX_TEXT_BYTES}")
    # zlib's usual tables of 256 kB take longer to clear than a small text takes to compress.
    wbits, memory = (12, 6) if len(data) <= _SMALL else (zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL)
    writer = zlib.compressobj(1, wbits=wbits, memLevel=memory)
    return writer.compress(data) + writer.flush()


def decompress_text(data: bytes) -> str:
    """Return the text in the bytes, or "" if they are not a whole compressed text."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, MAX_TEXT_BYTES).decode()
    except (zlib.error, UnicodeDecodeError):
        return ""
    return text if reader.eof and not reader.unused_data else ""
