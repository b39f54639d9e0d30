"""Masks the body of an answer in JSON: only the masked values change, and all other bytes stay (row GW 5)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jitney.core.gateway.answer_shapes import AWS_KEY_REF, BLOB, NUMBER
from jitney.core.gateway.json_edit import edit_json, unless_equal
from jitney.core.gateway.mask_rules import (
    MAX_DEPTH,
    MaskRules,
    Path,
    UnmaskableAnswer,
    searched_text,
    wire_text,
)
from jitney.core.masking.member_names import distinct
from jitney.core.masking.members import element_refs, is_named_secret, may_be_named
from jitney.core.masking.pairs import NamesBeside
from jitney.core.masking.table import ANY, KEYS, Shape, ShapeRef

_UNLISTED: Shape = {}
_ATTRIBUTE: Shape = {
    **dict.fromkeys(("S", "SS"), AWS_KEY_REF),
    **dict.fromkeys(("N", "NS"), AWS_KEY_REF + NUMBER),
    **dict.fromkeys(("B", "BS"), AWS_KEY_REF + BLOB),
}
"""An attribute of DynamoDB that is named like a secret. DynamoDB writes numbers as texts."""


def mask_json(body: bytes, shapes: tuple[Shape, ...], start: ShapeRef, rules: MaskRules) -> tuple[bytes, list[Path]]:
    """Return the body without its secrets, and where they were. Returns `body` itself if it has none.

    Raises UnmaskableAnswer unless it is JSON that every parser reads alike.
    """
    if not body:
        return body, []
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise UnmaskableAnswer("its JSON is nested too deep") from None
    except ValueError:
        raise UnmaskableAnswer("it is not JSON") from None
    survey = _Survey(shapes, rules)
    survey.see(value, start, 0)
    names = list(survey.names)
    changes = rules.changes([*survey.texts, *names])
    if not survey.members and not changes:
        return body, []
    count = len(survey.texts)
    renamed = {names[place - count]: text for place, text in changes.items() if place >= count}
    rewriter = _Rewriter(survey, changes, renamed)
    masked = rewriter.write(value, start, None)
    return (body if masked is value else edit_json(text, value, masked).encode()), rewriter.paths


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        # Parsers differ in which of them they return, so one could be returned that was not searched.
        raise UnmaskableAnswer("its JSON has an object with the same name twice")
    return read


class _Survey:
    """Collects the texts and names of a value in order, and notes whether any member is masked as a whole."""

    def __init__(self, shapes: tuple[Shape, ...], rules: MaskRules) -> None:
        self.shapes = (*shapes, _ATTRIBUTE)
        self.rules = rules
        self.texts: list[str] = []
        self.names: set[str] = set()
        self.members = False
        self._harmless: set[str] = set()

    def see(self, value: Any, ref: ShapeRef, depth: int) -> None:
        kind = type(value)
        if isinstance(ref, str) and ref in self.rules.kinds:
            self.members = True
            self._see_names(value, depth)
        elif kind is str:
            self.texts.append(value if ref is None else searched_text(value, ref))
        elif kind is dict:
            self._see_object(value, self.shape(ref), depth)
        elif kind is list:
            self._require_shallow(depth)
            for each, on in zip(value, self.elements(ref, value), strict=True):
                self.see(each, on, depth + 1)

    def _see_object(self, value: dict[str, Any], shape: Shape, depth: int) -> None:
        self._require_shallow(depth)
        self.names.update(value)
        if shape.get(KEYS) in self.rules.kinds:
            self.members = True
        harmless, texts, others = self._harmless, self.texts, shape.get(ANY)
        beside = NamesBeside(value, self.rules.judge)
        for name, each in value.items():
            ref = shape.get(name, others)
            if name not in harmless:
                ref = self.member(shape, name, beside)
            if ref is None and type(each) is str:  # the most frequent case
                texts.append(each)
            else:
                self.see(each, ref, depth + 1)

    def _see_names(self, value: Any, depth: int) -> None:
        """Collect the names in a value that is masked as a whole."""
        if isinstance(value, dict | list):
            self._require_shallow(depth)
            if isinstance(value, dict):
                self.names.update(value)
            for each in value.values() if isinstance(value, dict) else value:
                self._see_names(each, depth + 1)

    @staticmethod
    def _require_shallow(depth: int) -> None:
        if depth > MAX_DEPTH:
            raise UnmaskableAnswer("its JSON is nested too deep")

    def shape(self, ref: ShapeRef) -> Shape:
        return self.shapes[ref] if isinstance(ref, int) else _UNLISTED

    def member(self, shape: Shape, name: str, beside: NamesBeside) -> ShapeRef:
        """Return the reference of a member of an object. A member that is not listed may be a secret by its name."""
        ref = shape.get(name, shape.get(ANY))
        if name in self._harmless or isinstance(ref, str):
            return ref
        if not may_be_named(name, self.rules.judge):
            self._harmless.add(name)
            return ref
        if not is_named_secret(name, beside):
            return ref
        return len(self.shapes) - 1 if isinstance(beside.holder[name], dict) else AWS_KEY_REF

    def elements(self, ref: ShapeRef, values: list[Any]) -> Iterable[ShapeRef]:
        """Return the references of a list's elements, in order."""
        listed = self.shape(ref).get(ANY) if isinstance(ref, int) else ref
        return element_refs(values, listed, AWS_KEY_REF, self.rules.names)


class _Rewriter:
    """Rewrites a value that a `_Survey` saw. A value without secrets is returned unchanged, as the same object."""

    def __init__(self, survey: _Survey, texts: Mapping[int, str], names: Mapping[str, str]) -> None:
        self.paths: list[Path] = []
        self._survey = survey
        self._rules = survey.rules
        self._texts, self._names = texts, names
        self._seen = 0

    def write(self, value: Any, ref: ShapeRef, path: Path) -> Any:
        kind = type(value)
        if isinstance(ref, str) and ref in self._rules.kinds:
            return self._whole(value, ref, path)
        if kind is str:
            return self._text(value, ref, path)
        if kind is dict:
            shape, beside = self._survey.shape(ref), NamesBeside(value, self._rules.judge)
            names = self._named(value, shape.get(KEYS), path)
            written = {
                name: self.write(each, self._survey.member(shape, name, beside), (path, names[name]))
                for name, each in value.items()
            }
            return _renamed(value, written, names)
        if kind is list:
            refs = enumerate(zip(value, self._survey.elements(ref, value), strict=True))
            return unless_equal(value, [self.write(each, on, (path, place)) for place, (each, on) in refs])
        return value

    def _text(self, text: str, ref: ShapeRef, path: Path) -> str:
        place, self._seen = self._seen, self._seen + 1
        if place not in self._texts:
            return text
        self.paths.append(path)
        return wire_text(text, ref, self._texts[place])

    def _named(self, value: dict[str, Any], keys: ShapeRef, path: Path) -> dict[str, str]:
        """Return the names of members as they are written. `keys` says how a map's names are masked."""
        whole = isinstance(keys, str) and keys in self._rules.kinds
        if not whole and not self._names:
            return {name: name for name in value}
        rules = self._rules
        names = distinct(
            {name: rules.whole(name, str(keys)) if whole else self._names.get(name, name) for name in value}
        )
        self.paths += [(path, new) for name, new in names.items() if new != name]
        return names

    def _whole(self, value: Any, ref: str, path: Path) -> Any:
        """Return `value` with everything in it masked, except the names of members."""
        if isinstance(value, dict):
            names = self._named(value, None, path)
            written = {name: self._whole(each, ref, (path, names[name])) for name, each in value.items()}
            return _renamed(value, written, names)
        if isinstance(value, list):
            return unless_equal(value, [self._whole(each, ref, (path, place)) for place, each in enumerate(value)])
        rules = self._rules
        masked = rules.whole(value, ref) if isinstance(value, str) else rules.tags.masked(value, rules.kinds[ref])
        if masked == value:
            return value
        self.paths.append(path)
        return masked


def _renamed(value: dict[str, Any], written: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return `written` with other names, or `value` itself if nothing changed."""
    if all(written[name] is value[name] and names[name] == name for name in value):
        return value
    return {names[name]: each for name, each in written.items()}
