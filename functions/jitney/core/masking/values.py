"""Walk a parsed value twice: first survey its texts, then rewrite it if anything must be masked."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.member_names import distinct
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.named_secrets import judge_secret_name
from jitney.core.masking.pairs import NamesBeside
from jitney.core.masking.table import ShapeRef
from jitney.core.masking.text import mask_text

_LISTS, _BYTES, _PLAIN = (list, tuple), (bytes, bytearray), (int, float, Decimal, datetime)
"""Tuples of types, because `list | tuple` would create a union at each check."""


class Replacements(NamedTuple):
    """The masked texts, by index in a `Survey`, and the masked names of members."""

    texts: Mapping[int, str]
    names: Mapping[str, str]


class Survey:
    """Collects a value's texts and member names in order, and notes whether any member is masked as a whole.

    Bytes are texts with one character for each byte.
    """

    def __init__(self, guide: MemberLookup) -> None:
        self.texts: list[str] = []
        self.names: dict[str, None] = {}
        self.members = False
        self._guide = guide

    def see(self, value: Any, ref: ShapeRef) -> None:
        """Survey `value`, which has this shape. Raises TypeError for types that cannot be inspected."""
        if isinstance(value, str) and ref is None:  # the most frequent case
            self.texts.append(value)
        elif self._guide.kind(ref):
            self.members = True
        elif isinstance(value, dict):
            self.members = self.members or bool(self._guide.key_kind(ref))
            self.names.update(dict.fromkeys(value))
            member, see, beside = self._guide.member, self.see, NamesBeside(value, judge_secret_name)
            for name, each in value.items():
                see(each, member(ref, name, beside))
        elif isinstance(value, _LISTS):
            for each, on in zip(value, self._guide.elements(ref, value), strict=True):
                self.see(each, on)
        elif isinstance(value, str):
            self.texts.append(value)
        elif isinstance(value, _BYTES):
            self.texts.append(value.decode("latin-1"))
        elif value is not None and not isinstance(value, _PLAIN):
            raise TypeError(f"a {type(value).__name__} cannot be inspected")


class Rewriter:
    """Rewrites a value without its secrets. `paths` are the paths of the masks."""

    def __init__(self, guide: MemberLookup, changes: Replacements, tags: MaskTags) -> None:
        self.paths: list[str] = []
        self._guide = guide
        self._changes = changes
        self._tags = tags
        self._seen = 0

    def write(self, value: Any, ref: ShapeRef, path: str) -> Any:
        """Return `value`, which a `Survey` saw, with its secrets masked. `path` is its path."""
        if isinstance(value, str) and ref is None:
            return self._text(value, path)
        if kind := self._guide.kind(ref):
            return self._wholly(value, kind, path)
        if isinstance(value, dict):
            names = self._named(value, self._guide.key_kind(ref), path)
            member, beside = self._guide.member, NamesBeside(value, judge_secret_name)
            return {
                names[name]: self.write(each, member(ref, name, beside), _joined(path, names[name]))
                for name, each in value.items()
            }
        if isinstance(value, _LISTS):
            refs = self._guide.elements(ref, value)
            numbered = enumerate(zip(value, refs, strict=True))
            return [self.write(each, on, f"{path}[{place}]") for place, (each, on) in numbered]
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

    def _named(self, value: Mapping[str, Any], kind: str | None, path: str) -> dict[str, str]:
        """Return the names of members as they are written. With a kind of mask, all names are masked."""
        if not kind and not self._changes.names:
            return {name: name for name in value}
        names = distinct({name: self._name(name, kind) for name in value})
        self.paths += [_joined(path, new) for name, new in names.items() if new != name]
        return names

    def _name(self, name: str, kind: str | None) -> str:
        return self._tags.mask(name, kind) if kind else self._changes.names.get(name, name)

    def _wholly(self, value: Any, kind: str, path: str) -> Any:
        """Return `value` with everything masked except the names in maps."""
        if isinstance(value, dict):
            names = distinct({name: mask_text(name, self._tags) for name in value})
            return {names[name]: self._wholly(each, kind, _joined(path, names[name])) for name, each in value.items()}
        if isinstance(value, _LISTS):
            return [self._wholly(each, kind, f"{path}[{place}]") for place, each in enumerate(value)]
        masked = self._tags.masked(value, kind)
        if masked is not value:
            self.paths.append(path)
        return masked


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
