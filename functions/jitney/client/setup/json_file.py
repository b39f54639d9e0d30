"""JSON files with comments: adds and removes one member, and leaves every other character as it is.

`json5` (json-five) reads the files and gives the tokens with their places.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import json5
from json5.tokenizer import tokenize

from jitney.client.setup.insertions import Insertion, newline_of

_SKIPPED = frozenset({"WHITESPACE", "LINE_COMMENT", "BLOCK_COMMENT"})
_OPENING, _CLOSING = frozenset({"LBRACE", "LBRACKET"}), frozenset({"RBRACE", "RBRACKET"})


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object: the numbers of its tokens."""

    name: str
    key: int
    value: int
    last: int


@dataclass(frozen=True, slots=True)
class _Object:
    """An object: the numbers of its braces' tokens, and its members."""

    opening: int
    closing: int
    members: tuple[_Member, ...]

    def member(self, name: str) -> _Member | None:
        return next((each for each in self.members if each.name == name), None)


class JsonText:
    """A JSON text with comments, whose root is an object. An empty text counts as an empty object."""

    def __init__(self, text: str) -> None:
        """Read the text. Raises ValueError when it is not JSON, is not an object, or names a member twice."""
        self._text = text
        self._empty = not text.strip()
        self.document: dict[str, Any] = {} if self._empty else _document(text)
        self._tokens = [] if self._empty else list(tokenize(text))
        if not self._empty:
            self._require_unique(self._root())

    def entry(self, place: Sequence[str]) -> Any:
        """Return the value at the place; None without one."""
        value: Any = self.document
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def insertions(self, place: Sequence[str], entry: Mapping[str, Any]) -> list[Insertion]:
        """Return the insertions that put the entry at the place, which must be free.

        Raises ValueError when a value on the path to the place is not an object.
        """
        if self._empty:
            return [Insertion(len(self._text), json.dumps(_nested(place, entry), indent=2) + "\n")]
        at, depth = self._root(), 0
        while depth < len(place) - 1 and (member := at.member(place[depth])):
            at, depth = self._object(member.value), depth + 1
        return self._into(at, place[depth], _nested(place[depth + 1 :], entry))

    def without(self, place: Sequence[str]) -> str:
        """Return the text without the member at the place, which must exist, and its comma."""
        at = self._root()
        for name in place[:-1]:
            if member := at.member(name):
                at = self._object(member.value)
        found = at.member(place[-1])
        if found is None:
            raise ValueError(place)
        return self._cut(at, found)

    def _into(self, at: _Object, name: str, value: Any) -> list[Insertion]:
        newline, text = newline_of(self._text), self._text
        lines = not at.members or newline in text[self._end(at.opening) : self._tokens[at.members[0].key].index]
        if not lines:
            return [Insertion(self._end(at.members[-1].last), f", {json.dumps(name)}: {json.dumps(value)}")]
        outer = self._indentation(at.opening)
        inner = self._indentation(at.members[0].key) if at.members else outer + self._unit()
        body = json.dumps(value, indent=self._unit()).replace("\n", newline + inner)
        member = f"{newline}{inner}{json.dumps(name)}: {body}"
        last = self._before(at.closing)
        end = self._end(last) - self._tokens[last].value.endswith("\r")  # the token of a line comment may end with it
        closing = text[end : self._tokens[at.closing].index]
        if not at.members:
            return [Insertion(end, member if "\n" in closing else member + newline + outer)]
        comma = [] if self._comma_after(at.members[-1]) else [Insertion(self._end(at.members[-1].last), ",")]
        return [*comma, Insertion(end, member)]

    def _cut(self, at: _Object, found: _Member) -> str:
        comma = self._comma_after(found)
        end = self._end(comma or found.last)
        start = len(self._text[: self._tokens[found.key].index].rstrip(" \t"))
        following = self._text[end:].lstrip(" \t")
        if self._text[:start].endswith("\n") and following.startswith(("\r\n", "\n")):  # no other text is on its lines
            end = len(self._text) - len(following.partition("\n")[2])
        text = self._text[:start] + self._text[end:]
        number = at.members.index(found)
        before = self._comma_after(at.members[number - 1]) if number and not comma else 0
        return text[: self._tokens[before].index] + text[self._end(before) :] if before else text

    def _root(self) -> _Object:
        return self._object(self._after(-1))

    def _require_unique(self, at: _Object) -> None:
        """Raise ValueError if the object, or an object in it, names a member twice.

        Programs differ on which one counts.
        """
        if len({member.name for member in at.members}) < len(at.members):
            raise ValueError("a member occurs twice")
        for member in at.members:
            if self._tokens[member.value].type == "LBRACE":
                self._require_unique(self._object(member.value))

    def _object(self, opening: int) -> _Object:
        """Return the object that begins with this token. Raises ValueError for another value."""
        if self._tokens[opening].type != "LBRACE":
            raise ValueError("not an object")
        members, at = [], self._after(opening)
        while self._tokens[at].type != "RBRACE":
            value = self._after(self._after(at))
            last = self._last(value)
            members.append(_Member(next(iter(json5.loads(f"{{{self._tokens[at].value}: 0}}"))), at, value, last))
            at = self._after(last)
            at = self._after(at) if self._tokens[at].type == "COMMA" else at
        return _Object(opening, at, tuple(members))

    def _last(self, value: int) -> int:
        """Return the last token of the value that begins with this one."""
        depth, at = 0, value
        while True:
            depth += (self._tokens[at].type in _OPENING) - (self._tokens[at].type in _CLOSING)
            following = self._after(at)
            if depth == 0 and self._tokens[following].type in _CLOSING | {"COMMA"}:
                return at
            at = following

    def _after(self, at: int) -> int:
        return next(number for number in range(at + 1, len(self._tokens)) if self._tokens[number].type not in _SKIPPED)

    def _before(self, at: int) -> int:
        """Return the last token before this one that is not white space."""
        return next(number for number in range(at - 1, -1, -1) if self._tokens[number].type != "WHITESPACE")

    def _comma_after(self, member: _Member) -> int:
        """Return the comma's token, 0 without a comma."""
        following = self._after(member.last)
        return following if self._tokens[following].type == "COMMA" else 0

    def _end(self, at: int) -> int:
        end: int = self._tokens[at].end
        return end

    def _indentation(self, at: int) -> str:
        """Return the white space at the beginning of the token's line."""
        line = self._text[: self._tokens[at].index].rpartition("\n")[2]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _unit(self) -> str:
        root = self._root()
        return (self._indentation(root.members[0].key) if root.members else "") or "  "


def _document(text: str) -> dict[str, Any]:
    document = json5.loads(text)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - a fault of the file, like wrong syntax
    return document


def _nested(place: Sequence[str], entry: Mapping[str, Any]) -> Any:
    value: Any = dict(entry)
    for name in reversed(place):
        value = {name: value}
    return value
