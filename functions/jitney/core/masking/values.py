"""Masks a parsed value in two walks: one surveys its texts, the other rewrites it if anything must be masked.

All structured data pass here: parameters, CloudTrail events, records, and answers in JSON.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.member_names import distinct
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.pairs import NamesBeside
from jitney.core.masking.paths import Path
from jitney.core.masking.table import ShapeRef

_LISTS, _TEXTS, _PLAIN = (list, tuple), (str, bytes, bytearray), (int, float, Decimal, datetime)
"""Tuples of types, because `list | tuple` would create a union at each check."""
Changes: TypeAlias = Callable[[Sequence[str], Sequence[str]], Mapping[int, str]]
"""Takes a value's texts and the names of its members. Returns those that hold a secret, masked, by index.

The index of a name follows the indexes of the texts.
"""


class NestedTooDeep(Exception):
    """A value has more levels than permitted."""


class PythonForm:
    """How texts are searched and masks are written in a value of Python's types: each mask has the value's type."""

    def __init__(self, tags: MaskTags) -> None:
        self._tags = tags

    def searched(self, value: str | bytes | bytearray, _ref: ShapeRef) -> str:
        """Return what detectors search in a text, or in bytes: one character for each byte."""
        return value if isinstance(value, str) else value.decode("latin-1")

    def replaced(self, value: str | bytes | bytearray, _ref: ShapeRef, masked: str) -> str | bytes:
        """Return the text or the bytes in which `masked` replaces the searched text."""
        return masked if isinstance(value, str) else masked.encode("latin-1")

    def whole(self, value: Any, _ref: ShapeRef, kind: str) -> Any:
        """Return the mask of this kind for a value without members."""
        return self._tags.masked(value, kind)


def mask_members(
    value: Any, guide: MemberLookup, form: PythonForm, changes: Changes, deepest: int | None = None
) -> tuple[Any, list[Path]]:
    """Return `value` without its secrets, and where they were. What has no secret is returned as the same object.

    `guide` says which members are masked as a whole, and `changes` masks the secrets in all other texts. Raises
    NestedTooDeep for more than `deepest` levels, and TypeError for types that cannot be inspected.
    """
    survey = _Survey(guide, form, deepest)
    survey.see(value, guide.start, 0)
    names, count = list(survey.names), len(survey.texts)
    found = changes(survey.texts, names)
    if not survey.members and not found:
        return value, []
    renamed = {names[place - count]: text for place, text in found.items() if place >= count}
    rewriter = _Rewriter(guide, form, found, renamed)
    return rewriter.write(value, guide.start, None), rewriter.paths


def unless_equal(value: Any, written: list[Any]) -> Any:
    """Return the list `value` itself if `written` has the same objects, otherwise `written`."""
    return value if all(new is old for new, old in zip(written, value, strict=True)) else written


class _Survey:
    """Collects a value's texts in order, and its names. Notes whether any member may be masked as a whole."""

    def __init__(self, guide: MemberLookup, form: PythonForm, deepest: int | None) -> None:
        self.texts: list[str] = []
        self.names: set[str] = set()
        self.members = False
        self._guide = guide
        self._form = form
        self._deepest = sys.maxsize if deepest is None else deepest

    def see(self, value: Any, ref: ShapeRef, depth: int) -> None:
        if isinstance(ref, str) and self._guide.kind(ref):
            self.members = True
            self._see_names(value, depth)
        elif isinstance(value, dict):
            self._see_object(value, ref, depth)
        elif isinstance(value, _TEXTS):
            self.texts.append(self._form.searched(value, ref))
        elif isinstance(value, _LISTS):
            if depth > self._deepest:
                raise NestedTooDeep
            for each, on in zip(value, self._guide.elements(ref, value), strict=True):
                self.see(each, on, depth + 1)
        elif value is not None and not isinstance(value, _PLAIN):
            raise TypeError(f"a {type(value).__name__} cannot be inspected")

    def _see_object(self, value: dict[str, Any], ref: ShapeRef, depth: int) -> None:
        if depth > self._deepest:
            raise NestedTooDeep
        self.names.update(value)
        guide, texts, beside = self._guide, self.texts, None
        known = guide.known(ref)
        if ref in guide.masked_keys:
            self.members = True
        for name, each in value.items():
            if name in known:
                on = known[name]
            else:
                beside = beside or NamesBeside(value, guide.judge)
                on = guide.member(ref, name, beside)
            if on is None and isinstance(each, str):  # the most frequent case
                texts.append(each)
            elif isinstance(each, dict) and not isinstance(on, str):
                self._see_object(each, on, depth + 1)
            else:
                self.see(each, on, depth + 1)

    def _see_names(self, value: Any, depth: int) -> None:
        """Collect the names in a value that is masked as a whole."""
        named = isinstance(value, dict)
        if named:
            self.names.update(value)
        if named or isinstance(value, _LISTS):
            if depth > self._deepest:
                raise NestedTooDeep
            for each in value.values() if named else value:
                self._see_names(each, depth + 1)


class _Rewriter:
    """Rewrites a value that a `_Survey` saw. `texts` are the masked texts, by index, and `names` the masked names."""

    def __init__(
        self, guide: MemberLookup, form: PythonForm, texts: Mapping[int, str], names: Mapping[str, str]
    ) -> None:
        self.paths: list[Path] = []
        self._guide = guide
        self._form = form
        self._texts, self._names = texts, names
        self._seen = 0

    def write(self, value: Any, ref: ShapeRef, path: Path) -> Any:
        guide = self._guide
        if kind := guide.kind(ref):
            return self._wholly(value, ref, kind, path)
        if isinstance(value, dict):
            beside, names = NamesBeside(value, guide.judge), self._named(value, ref, path)
            written = {
                name: self.write(each, guide.member(ref, name, beside), (path, names[name]))
                for name, each in value.items()
            }
            return _renamed(value, written, names)
        if isinstance(value, _LISTS):
            refs = enumerate(zip(value, guide.elements(ref, value), strict=True))
            return unless_equal(value, [self.write(each, on, (path, place)) for place, (each, on) in refs])
        return self._text(value, ref, path) if isinstance(value, _TEXTS) else value

    def _text(self, value: Any, ref: ShapeRef, path: Path) -> Any:
        place, self._seen = self._seen, self._seen + 1
        if place not in self._texts:
            return value
        self.paths.append(path)
        return self._form.replaced(value, ref, self._texts[place])

    def _named(self, value: Mapping[str, Any], ref: ShapeRef, path: Path) -> dict[str, str]:
        """Return the names of members as they are written. All names of a map may be masked."""
        kind, keys = self._guide.key_kind(ref), self._guide.key_ref(ref)
        if not kind and not self._names:
            return {name: name for name in value}
        names = distinct(
            {name: self._form.whole(name, keys, kind) if kind else self._names.get(name, name) for name in value}
        )
        self.paths += [(path, new) for name, new in names.items() if new != name]
        return names

    def _wholly(self, value: Any, ref: ShapeRef, kind: str, path: Path) -> Any:
        """Return `value` with everything in it masked, except the names of members."""
        if isinstance(value, dict):
            names = self._named(value, None, path)
            written = {name: self._wholly(each, ref, kind, (path, names[name])) for name, each in value.items()}
            return _renamed(value, written, names)
        if isinstance(value, _LISTS):
            written_list = [self._wholly(each, ref, kind, (path, place)) for place, each in enumerate(value)]
            return unless_equal(value, written_list)
        masked = self._form.whole(value, ref, kind)
        if masked == value:
            return value
        self.paths.append(path)
        return masked


def _renamed(value: dict[str, Any], written: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return `written` with other names, or `value` itself if nothing changed."""
    if all(written[name] is value[name] and names[name] == name for name in value):
        return value
    return {names[name]: each for name, each in written.items()}
