"""Insertions into a text. No part of the text is removed, so removing the insertions restores it exactly."""

from collections.abc import Sequence
from typing import NamedTuple


class Insertion(NamedTuple):
    """`added`, and where in the original text it goes."""

    offset: int
    added: str


class Span(NamedTuple):
    """The place of an insertion in the changed text, in characters. The inserted text is not stored."""

    offset: int
    length: int


def inserted(text: str, insertions: Sequence[Insertion]) -> tuple[str, tuple[Span, ...]]:
    """Return the text with the insertions, and where they are in it. Insertions are in the order of their offsets."""
    parts, spans, done, grown = [], [], 0, 0
    for offset, added in insertions:
        parts += [text[done:offset], added]
        spans.append(Span(offset + grown, len(added)))
        done, grown = offset, grown + len(added)
    return "".join([*parts, text[done:]]), tuple(spans)


def without(text: str, spans: Sequence[Span]) -> str:
    """Return the text without the spans, which are in the order of their offsets."""
    parts, done = [], 0
    for offset, length in spans:
        parts.append(text[done:offset])
        done = offset + length
    return "".join([*parts, text[done:]])


def newline_of(text: str) -> str:
    """Return the line ending that the text uses."""
    return "\r\n" if "\r\n" in text else "\n"
