"""Changes texts in an XML document, and keeps all its other bytes."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*>")
_TAG_NAME = re.compile(rb"<[^\s/>]+")
_NEXT_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
# Unescaped, a parser would read these as markup, or as other white space.
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


class XmlEdit(NamedTuple):
    """A new text for an element, or for its attribute. `start` is the offset of its start tag, `end` of its end tag."""

    start: int
    end: int
    attribute: str
    text: str


def edit_xml(body: bytes, edits: Iterable[XmlEdit]) -> bytes:
    """Return `body`, a valid document in UTF-8, with its texts changed. `edits` are in the order of the document."""
    pieces: list[bytes] = []
    copied = 0
    for edit in edits:
        first, end = _attribute(body, edit) if edit.attribute else _content(body, edit)
        pieces += [body[copied:first], edit.text.translate(_ESCAPED).encode()]
        copied = end
    return b"".join([*pieces, body[copied:]])


def _content(body: bytes, edit: XmlEdit) -> tuple[int, int]:
    tag = _TAG.match(body, edit.start)
    if tag is None:
        raise ValueError("there is no start tag")
    return tag.end(), edit.end


def _attribute(body: bytes, edit: XmlEdit) -> tuple[int, int]:
    name = _TAG_NAME.match(body, edit.start)
    at = name.end() if name else edit.start
    while found := _NEXT_ATTRIBUTE.match(body, at):
        if found[1] == edit.attribute.encode():
            return found.start(2) + 1, found.end(2) - 1
        at = found.end()
    raise ValueError("there is no such attribute")
