"""Going through a parsed value: looking at it once, and, if there is anything to mask, writing it again."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.table import ShapeRef
from jitney.core.masking.text import mask_text

_LISTS, _BYTES, _PLAIN = (list, tuple), (bytes, bytearray), (int, float, Decimal, datetime)
"""Made once: `list | tuple` would be made anew for each value."""


class Replacements(NamedTuple):
    """What the detectors masked: texts by their index in a `Survey`, and names of members by themselves."""

    texts: Mapping[int, str]
    names: Mapping[str, str]


class Survey:
    """Looks through a value: its texts in their order, the names in it, and whether members are masked as such.

    Bytes are texts too, with one character for each byte.
    """

    def __init__(self, guide: MemberLookup) -> None:
        self.texts: list[str] = []
        self.names: dict[str, None] = {}
        self.members = False
        self._guide = guide

    def see(self, value: Any, way: ShapeRef) -> None:
        """Look through `value`, which stands on `way`. Raises TypeError for what cannot be looked into."""
        if isinstance(value, str) and way is None:  # most of all
            self.texts.append(value)
        elif self._guide.kind(way):
            self.members = True
        elif isinstance(value, dict):
            self.names.update(dict.fromkeys(value))
            guide, see, harmless = self._guide, self.see, self._guide.harmless if way is None else ()
            for name, each in value.items():
                see(each, None if name in harmless else guide.member(way, name, value))
        elif isinstance(value, _LISTS):
            way = self._guide.element(way)
            for each in value:
                self.see(each, way)
        elif isinstance(value, str):
            self.texts.append(value)
        elif isinstance(value, _BYTES):
            self.texts.append(value.decode("latin-1"))
        elif value is not None and not isinstance(value, _PLAIN):
            raise TypeError(f"a {type(value).__name__} cannot be looked into")


class Rewriter:
    """Writes a value again without its secrets; `paths` are the places where something was masked."""

    def __init__(self, guide: MemberLookup, changes: Replacements, tags: MaskTags) -> None:
        self.paths: list[str] = []
        self._guide = guide
        self._changes = changes
        self._tags = tags
        self._seen = 0

    def write(self, value: Any, way: ShapeRef, path: str) -> Any:
        """The value, which stands on `way` and at `path`, as a `Survey` saw it."""
        if isinstance(value, str) and way is None:
            return self._text(value, path)
        if kind := self._guide.kind(way):
            return self._wholly(value, kind, path)
        if isinstance(value, dict):
            guide, harmless = self._guide, self._guide.harmless if way is None else ()
            return {
                self._name(name, path): self.write(
                    each, None if name in harmless else guide.member(way, name, value), _joined(path, name)
                )
                for name, each in value.items()
            }
        if isinstance(value, _LISTS):
            way = self._guide.element(way)
            return [self.write(each, way, f"{path}[{place}]") for place, each in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, _BYTES):
            return self._text(value.decode("latin-1"), path).encode("latin-1")
        return value

    def _text(self, text: str, path: str) -> str:
        place, self._seen = self._seen, self._seen + 1
        if place not in self._changes.texts:
            return text
        self.paths.append(path)
        return self._changes.texts[place]

    def _name(self, name: str, path: str) -> str:
        if name not in self._changes.names:
            return name
        self.paths.append(_joined(path, self._changes.names[name]))
        return self._changes.names[name]

    def _wholly(self, value: Any, kind: str, path: str) -> Any:
        """Everything in `value` masked; of a map, what its names stand for."""
        if isinstance(value, dict):
            names = {name: mask_text(name, self._tags) for name in value}
            return {names[name]: self._wholly(each, kind, _joined(path, names[name])) for name, each in value.items()}
        if isinstance(value, _LISTS):
            return [self._wholly(each, kind, f"{path}[{place}]") for place, each in enumerate(value)]
        masked = self._tags.masked(value, kind)
        if masked is not value:
            self.paths.append(path)
        return masked


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
