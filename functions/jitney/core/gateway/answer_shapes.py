"""The masked members of an operation's answer, by their names on the wire (row GW 5).

The table of masks has the names of AWS's models. On the wire, members have other names, lists and maps of XML have
elements of their own, and a member may be a header or the whole body. A reference is a number, a letter or None, as in
`core.masking.table`. Here, there are two more letters:

    "k"   AWS's secret key or session token, which stays masked if other secrets are revealed
    "b"   a blob that is not listed, so that its content is searched

After a letter comes the form of the value, so that a mask can be parsed like the value: "cb" is a credential in a blob,
"sn" a sensitive number.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from jitney.core.masking.named_secrets import names_secret
from jitney.core.masking.table import (
    ANY,
    CREDENTIAL_REF,
    KEYS,
    LOOK_ALIKE_REF,
    SENSITIVE_REF,
    OperationShapes,
    Shape,
    ShapeRef,
)

AWS_KEY_REF, BLOB_REF = "k", "b"
BLOB, NUMBER, BOOLEAN, TIME, JSON_TEXT = "b", "n", "o", "t", "j"
"""The forms that can follow a letter. Text has no form."""
ATTRIBUTE = "@"
"""Stands before the names of XML attributes."""

_FORMS: Mapping[str, str] = {
    "blob": BLOB,
    "integer": NUMBER,
    "long": NUMBER,
    "float": NUMBER,
    "double": NUMBER,
    "boolean": BOOLEAN,
    "timestamp": TIME,
}
_AWS_KEY = re.compile(r"(?:raw)?secretaccesskey|sessiontoken|securitytoken", re.IGNORECASE)
_AWS_KEY_ID = re.compile(r"(?:aws)?accesskey(?:id)?", re.IGNORECASE)
_XML = frozenset({"query", "ec2", "rest-xml"})
_NOWHERE = OperationShapes((), None, None)


class AnsweredOperation(Protocol):
    """An operation of AWS's models, as botocore reads them."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def output_shape(self) -> Any:
        """The shape of its answer, or None."""
        ...

    @property
    def service_model(self) -> Any:
        """Its service, with `service_name` and `resolved_protocol`."""
        ...


class HeaderMask(NamedTuple):
    """A header of the model with a masked value. With `prefix`, all headers whose names begin with `name`."""

    name: str
    ref: str
    prefix: bool


@dataclass(frozen=True, slots=True)
class AnswerShapes:
    """Where an answer has masked members. `shapes` are indexed by the numbers in references.

    If `content` is True, the body is content without members, such as an object of S3, and `start` is its letter.
    """

    shapes: tuple[Shape, ...]
    start: ShapeRef
    headers: tuple[HeaderMask, ...]
    content: bool


def answer_shapes(operation: AnsweredOperation, masked: OperationShapes | None) -> AnswerShapes:
    """Return the masked members of an operation's answer. `masked` is its entry in the table of masks, if any."""
    output = operation.output_shape
    if output is None:
        return AnswerShapes((), None, (), content=False)
    table = masked or _NOWHERE
    builder = _ShapeBuilder(table.shapes, xml=operation.service_model.resolved_protocol in _XML)
    inherited = _letter(table.output, output)
    if payload := output.serialization.get("payload"):
        member = output.members[payload]
        letter = builder.letter(output, payload, table.output, inherited)
        content = member.type_name in ("blob", "string")
        # A whole body is never base64, even where its member is a blob.
        start = letter if content else builder.add(member, builder.table_ref(table.output, payload), letter)
    else:
        content = False
        start = builder.add(output, table.output, inherited)
        # Only for XML: a service that moved from query to JSON keeps the wrapper in its model.
        wrapper = output.serialization.get("resultWrapper") if builder.xml else None
        if wrapper and start is not None:
            start = builder.wrapped(wrapper, start)
    headers = tuple(builder.headers(output, table.output, inherited))
    shapes, start = _pruned(builder.shapes, start)
    return AnswerShapes(shapes, start, headers, content)


def _letter(ref: ShapeRef, shape: Any) -> str | None:
    """Return the letter of a reference in the table, or else the letter for what AWS's model marks as sensitive."""
    if isinstance(ref, str):
        return ref
    return SENSITIVE_REF if shape.metadata.get("sensitive") else None


@dataclass(slots=True)
class _ShapeBuilder:
    """Builds the shapes of one operation. `table` has the shapes of the table of masks."""

    table: tuple[Shape, ...]
    xml: bool
    shapes: list[dict[str, ShapeRef]] = field(default_factory=list)
    places: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def add(self, shape: Any, ref: ShapeRef, letter: str | None) -> ShapeRef:
        """Return the reference of a shape with this entry in the table. `letter` counts for everything below it."""
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return self._leaf(shape, letter)
        if shape.metadata.get("document"):
            return letter
        if kind == "list" and self.xml and shape.serialization.get("flattened"):
            return self._inner(shape.member, ref, letter)
        key = (shape.name, ref, letter, bool(shape.serialization.get("flattened")))
        if key not in self.places:
            self.places[key] = len(self.shapes)
            members: dict[str, ShapeRef] = {}
            self.shapes.append(members)
            members.update(self._members(shape, ref, letter))
        return self.places[key]

    def wrapped(self, name: str, ref: ShapeRef) -> int:
        """Return the reference of a shape whose only member is `name`."""
        self.shapes.append({name: ref})
        return len(self.shapes) - 1

    def headers(self, output: Any, ref: ShapeRef, inherited: str | None) -> Iterable[HeaderMask]:
        """Yield the headers of `output` with masked values."""
        for name, member in output.members.items():
            location = member.serialization.get("location")
            letter = self.letter(output, name, ref, inherited)
            if location == "headers" and letter:
                yield HeaderMask(member.serialization.get("name", "").lower(), letter, prefix=True)
            elif location == "header" and letter:
                form = JSON_TEXT if member.serialization.get("jsonvalue") else _FORMS.get(member.type_name, "")
                yield HeaderMask(member.serialization.get("name", name).lower(), letter + form, prefix=False)

    def letter(self, holder: Any, name: str, ref: ShapeRef, inherited: str | None) -> str | None:
        """Return the letter of a member of `holder`, which counts for everything below it."""
        letter = _letter(self.table_ref(ref, name), holder.members[name])
        if letter == CREDENTIAL_REF and _is_aws_key(name, holder.members):
            return AWS_KEY_REF
        return inherited if letter is None else letter

    def table_ref(self, ref: ShapeRef, name: str) -> ShapeRef:
        """Return the entry of a member in the table of masks."""
        return self.table[ref].get(name) if isinstance(ref, int) else None

    def _leaf(self, shape: Any, letter: str | None) -> str | None:
        form = JSON_TEXT if shape.serialization.get("jsonvalue") else _FORMS.get(shape.type_name, "")
        if letter is None or letter == LOOK_ALIKE_REF:
            return BLOB_REF if form == BLOB else letter
        return letter + form

    def _inner(self, shape: Any, ref: ShapeRef, letter: str | None) -> ShapeRef:
        inner = self.table_ref(ref, ANY)
        return self.add(shape, inner, _letter(inner, shape) or letter)

    def _members(self, shape: Any, ref: ShapeRef, letter: str | None) -> Mapping[str, ShapeRef]:
        if shape.type_name == "list":
            return {ANY: self._inner(shape.member, ref, letter)}
        if shape.type_name == "map":
            return self._map(shape, ref, letter)
        found = {
            self._name(member, name): self._member(shape, name, ref, letter)
            for name, member in shape.members.items()
            if not member.serialization.get("location")
        }
        return found | ({ANY: letter} if letter else {})

    def _member(self, holder: Any, name: str, ref: ShapeRef, letter: str | None) -> ShapeRef:
        member = holder.members[name]
        found = self.add(member, self.table_ref(ref, name), self.letter(holder, name, ref, letter))
        if found is None and _FORMS.get(member.type_name) and names_secret(name):
            return LOOK_ALIKE_REF  # such as `lastModifiedSecret`, a time
        return found

    def _map(self, shape: Any, ref: ShapeRef, letter: str | None) -> Mapping[str, ShapeRef]:
        keys = SENSITIVE_REF if shape.key.metadata.get("sensitive") else None
        values = self._inner(shape.value, ref, letter)
        if not self.xml:
            return {ANY: values, KEYS: keys}
        pair = {
            shape.key.serialization.get("name") or "key": keys,
            shape.value.serialization.get("name") or "value": values,
        }
        if shape.serialization.get("flattened"):
            return pair
        self.shapes.append(pair)
        return {ANY: len(self.shapes) - 1}

    def _name(self, member: Any, name: str) -> str:
        """Return a member's name on the wire, as `BaseXMLResponseParser._member_key_name` of botocore does."""
        own = member.serialization.get("name")
        if self.xml and member.type_name == "list" and member.serialization.get("flattened"):
            own = member.member.serialization.get("name") or own
        return (ATTRIBUTE if member.serialization.get("xmlAttribute") else "") + (own or name)


def _is_aws_key(name: str, siblings: Iterable[str]) -> bool:
    """Return whether a credential is an AWS secret key or session token. Cognito names a secret key `SecretKey`."""
    if _AWS_KEY.fullmatch(name):
        return True
    return name.lower() == "secretkey" and any(_AWS_KEY_ID.fullmatch(each) for each in siblings)


def _pruned(shapes: list[dict[str, ShapeRef]], start: ShapeRef) -> tuple[tuple[Shape, ...], ShapeRef]:
    """Return the shapes and the start without references that lead to no letter."""
    kept = {place for place, shape in enumerate(shapes) if any(isinstance(ref, str) for ref in shape.values())}
    while more := {
        place
        for place, shape in enumerate(shapes)
        if place not in kept and any(ref in kept for ref in shape.values() if isinstance(ref, int))
    }:
        kept |= more
    return tuple(
        {name: ref for name, ref in shape.items() if isinstance(ref, str) or ref in kept} for shape in shapes
    ), start if isinstance(start, str) or start in kept else None
