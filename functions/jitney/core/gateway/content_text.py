"""The text of content that no model describes: objects of S3, blobs, payloads of functions (row GW 5)."""

from typing import NamedTuple

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class ContentText(NamedTuple):
    """A text and the encoding that gives its bytes again."""

    text: str
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Return another text in the same encoding."""
        return text.encode(self.encoding)


def content_text(data: bytes) -> ContentText | None:
    """Return the text of `data`, or None for binary data, which has a zero byte.

    Text that is not UTF-8 is read byte by byte, so that secrets in it are found and its other bytes stay.
    """
    if b"\0" not in data:
        return _read(data, "utf-8") or ContentText(data.decode("latin-1"), "latin-1")
    encoding = _BYTE_ORDER_MARKS.get(data[:2])
    return _read(data, encoding) if encoding else None


def _read(data: bytes, encoding: str) -> ContentText | None:
    try:
        return ContentText(data.decode(encoding), encoding)
    except UnicodeDecodeError:
        return None
