"""Masks the body of an answer in XML: only the masked texts change, and all other bytes stay (row GW 5)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from jitney.core.gateway.answer_shapes import ATTRIBUTE, AWS_KEY_REF
from jitney.core.gateway.aws_answer import MOST_PATHS
from jitney.core.gateway.mask_rules import (
    MAX_DEPTH,
    MaskRules,
    UnmaskableAnswer,
    searched_text,
    wire_text,
)
from jitney.core.gateway.xml_edit import XmlEdit, edit_xml
from jitney.core.masking.named_secrets import HINTED, PROVEN, is_random_secret, is_secret
from jitney.core.masking.pairs import is_named_by, is_pair_name, is_pair_value
from jitney.core.masking.paths import Path
from jitney.core.masking.table import ANY, Shape, ShapeRef

_ENCODINGS = frozenset({"utf-8", "us-ascii"})
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ITEMS = frozenset({"member", "item"})
"""The names of a list's elements."""


def mask_xml(body: bytes, shapes: tuple[Shape, ...], start: ShapeRef, rules: MaskRules) -> tuple[bytes, list[Path]]:
    """Return the body without its secrets, and where they were. Returns `body` itself if it has none.

    Raises UnmaskableAnswer unless it is XML in UTF-8 without a document type.
    """
    if not body:
        return body, []
    if body.startswith(_UTF16):  # expat would follow these bytes and not its encoding argument
        raise UnmaskableAnswer("its XML is not in UTF-8")
    reader = _XmlReader(shapes, start, rules)
    texts = reader.read(body)
    if rules.changes(reader.comments):
        raise UnmaskableAnswer("its XML has a secret in a comment")
    changes = rules.changes([searched_text(each.text, each.ref) for each in texts])
    edits: list[XmlEdit] = []
    paths: list[Path] = []
    for place, each in enumerate(texts):
        new = each.text
        if rules.kind(each.ref):
            new = rules.whole(each.text, str(each.ref))
        elif place in changes:
            new = wire_text(each.text, each.ref, changes[place])
        if new != each.text:
            edits.append(XmlEdit(each.start, each.end, each.attribute, new))
            paths.append(each.path() if len(paths) < MOST_PATHS else None)  # no more are shown
    return (edit_xml(body, edits) if edits else body), paths


@dataclass(slots=True)
class _Element:
    """An open element. `texts_before` is the number of texts before it."""

    name: str
    parent: "_Element | None"
    ref: ShapeRef
    start: int
    place: int
    texts_before: int
    counts: dict[str, int] | None = None
    """The number of children by name. None for an element without children. Most elements have none."""
    has_comment: bool = False
    names: list[tuple[str, str]] | None = None
    """The children that may name a value beside them: their names and texts."""
    values: list[tuple[str, int, int]] | None = None
    """The children that may have a name beside them: name, index of the first text, index after the last text."""

    def path(self) -> Path:
        """Return the path below the root. Elements with the same name are counted."""
        if self.parent is None:
            return None
        path = self.parent.path(), self.name
        return (path, self.place) if self.name in _ITEMS or (self.parent.counts or {})[self.name] > 1 else path


@dataclass(slots=True)
class _XmlText:
    """The text of an element or of an attribute. `start` is the offset of the start tag, `end` that of the end tag."""

    text: str
    ref: ShapeRef
    element: _Element
    start: int
    end: int
    attribute: str = ""

    def path(self) -> Path:
        path = self.element.path()
        return (path, ATTRIBUTE + self.attribute) if self.attribute else path


class _XmlReader:
    """Collects the texts of a document, with the reference that says how each is masked."""

    def __init__(self, shapes: tuple[Shape, ...], start: ShapeRef, rules: MaskRules) -> None:
        self._shapes = shapes
        self._start = start
        self._rules = rules
        self._texts: list[_XmlText] = []
        self.comments: list[str] = []
        self._open: list[_Element] = []
        self._parts: list[str] = []
        """The text since the last tag."""
        self._by_name: dict[str, bool] = {}
        """Whether elements and attributes of a name are secrets by that name."""
        parser = expat.ParserCreate("UTF-8")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.XmlDeclHandler = _require_utf8
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = _refuse_instruction
        self._parser = parser

    def read(self, body: bytes) -> list[_XmlText]:
        try:
            self._parser.Parse(body, True)  # noqa: FBT003 - its only form
        except expat.ExpatError:
            raise UnmaskableAnswer("it is not XML") from None
        return self._texts

    def _begin(self, name: str, attributes: list[str]) -> None:
        local = name.rpartition(":")[2]
        parent = self._open[-1] if self._open else None
        if len(self._open) > MAX_DEPTH:
            raise UnmaskableAnswer("its XML is nested too deep")
        self._require_space(self._text())
        start, place, ref = self._parser.CurrentByteIndex, 0, self._start
        if parent is not None:
            if parent.counts is None:
                parent.counts = {}
            place = parent.counts.get(local, 0)
            parent.counts[local] = place + 1
            ref = self._member(parent.ref, local)
        element = _Element(local, parent, ref, start, place, len(self._texts))
        self._open.append(element)
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            if key.partition(":")[0] == "xmlns":
                continue  # if a namespace were masked, names would mean something else
            listed = self._member(ref, ATTRIBUTE + key) if isinstance(ref, int) else ref
            named = listed is None and self._names_secret(key) and is_secret(value)
            found = _XmlText(value, AWS_KEY_REF if named else listed, element, start, start, key)
            self._texts.append(found)

    def _characters(self, text: str) -> None:
        self._parts.append(text)

    def _comment(self, text: str) -> None:
        self.comments.append(text)
        if self._open:
            self._open[-1].has_comment = True

    def _text(self) -> str:
        """Return the text since the last tag, and begin another one."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    @staticmethod
    def _require_space(text: str) -> None:
        if text.strip():
            raise UnmaskableAnswer("its XML has text between elements or comments")

    def _end(self, _name: str) -> None:
        element, text = self._open.pop(), self._text()
        if element.counts or element.has_comment:
            self._require_space(text)
        if element.counts:
            self._end_holder(element, element.counts)
        elif text:
            end = self._parser.CurrentByteIndex
            self._texts.append(_XmlText(text, self._text_ref(element, text), element, element.start, end))
        if element.parent is not None:
            self._note_pair(element, text, element.parent)

    def _text_ref(self, element: _Element, text: str) -> ShapeRef:
        if isinstance(element.ref, str) or not self._names_secret(element.name):
            return element.ref
        return AWS_KEY_REF if is_secret(text) else None

    def _end_holder(self, element: _Element, children: Iterable[str]) -> None:
        """Mark the secret texts of a finished element: those that a name beside them makes secret."""
        if element.values and element.names:
            judged = [(name, self._rules.judge(text)) for name, text in element.names]
            naming = {name for name, found in judged if found == PROVEN}
            hinting = {name for name, found in judged if found == HINTED}
            for value, first, end in element.values:
                if is_named_by(value, naming):
                    self._mark(first, end, is_secret)
                elif is_named_by(value, hinting):
                    self._mark(first, end, is_random_secret)
        if _ITEMS.issuperset(children) and self._names_secret(element.name):
            self._mark(element.texts_before, len(self._texts), is_secret)

    def _mark(self, first: int, end: int, is_masked: Callable[[str], bool]) -> None:
        for each in self._texts[first:end]:
            if not isinstance(each.ref, str) and is_masked(each.text):
                each.ref = AWS_KEY_REF

    def _note_pair(self, element: _Element, text: str, parent: _Element) -> None:
        if is_pair_value(element.name):
            parent.values = parent.values or []
            parent.values.append((element.name, element.texts_before, len(self._texts)))
        elif is_pair_name(element.name):
            parent.names = parent.names or []
            parent.names.append((element.name, text))

    def _member(self, ref: ShapeRef, name: str) -> ShapeRef:
        """Return the reference of an element. Everything below a letter has the letter."""
        if not isinstance(ref, int):
            return ref
        shape = self._shapes[ref]
        return shape.get(name, shape.get(ANY))

    def _names_secret(self, name: str) -> bool:
        if (known := self._by_name.get(name)) is None:
            known = self._by_name[name] = self._rules.names(name)
        return known


def _require_utf8(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise UnmaskableAnswer("its XML is not in UTF-8")


def _refuse_doctype(*_parts: Any) -> None:
    raise UnmaskableAnswer("its XML has a document type, which could define entities")


def _refuse_instruction(_target: str, _text: str) -> None:
    raise UnmaskableAnswer("its XML has a processing instruction")
