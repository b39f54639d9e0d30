"""Reads XML bodies of the protocol rest-xml. Document types and entities are refused."""

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from botocore.model import Shape

from jitney.client.gateway.wire_values import from_text, invalid_call, no_member

MAX_DEPTH = 200


@dataclass(slots=True)
class XmlElement:
    """An element: its local name, its attributes as they are written, its text and its children."""

    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: "list[XmlElement]" = field(default_factory=list)


class _TooDeep(Exception):
    """More than `MAX_DEPTH` elements are open."""


def xml_document(body: bytes) -> XmlElement:
    """Return the root element. Raises Invalid for a malformed document, and for one with a document type."""
    root = XmlElement("", {})
    open_elements = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise _TooDeep
        element = XmlElement(name.rpartition(":")[2], attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def text(content: str) -> None:
        open_elements[-1].text.append(content)

    def refuse(*_: Any) -> None:
        raise _TooDeep

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_elements.pop() and None
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat takes it by position only
    except (expat.ExpatError, _TooDeep, LookupError, ValueError) as error:
        raise invalid_call("The request's body is not XML, or it has a document type or too many levels.") from error
    return root.children[0]


def xml_value(elements: list[XmlElement], shape: Any, place: str) -> Any:
    """Return the value in the elements with one name. Only a flattened list or map has several."""
    kind = shape.type_name
    flattened = shape.serialization.get("flattened")
    if kind == "list":
        items = elements if flattened else _below(elements, shape.member.serialization.get("name", "member"), place)
        return [xml_value([each], shape.member, place) for each in items]
    if kind == "map":
        return _map(elements if flattened else _below(elements, "entry", place), shape, place)
    if len(elements) != 1:
        raise invalid_call(f"{place} appears more than once.")
    element = elements[0]
    if kind == "structure":
        return xml_structure(element, shape, place)
    if element.children:
        raise no_member(place, element.children[0].name)
    return from_text("".join(element.text), shape, place)


def xml_structure(element: XmlElement, shape: Any, place: str, skipped: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a structure. The members in `skipped` are in other parts of the request."""
    by_name: dict[str, list[XmlElement]] = {}
    for child in element.children:
        by_name.setdefault(child.name, []).append(child)
    read: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        if name in skipped:
            continue
        if member.serialization.get("xmlAttribute"):
            if wire in element.attributes:
                read[name] = from_text(element.attributes[wire], member, f"{place}.{wire}")
        elif wire in by_name:
            read[name] = xml_value(by_name.pop(wire), member, f"{place}.{wire}")
    if by_name:
        raise no_member(place, next(iter(by_name)))
    if not shape.members and "".join(element.text).strip():
        raise no_member(place, "text")
    return read


def _below(elements: list[XmlElement], name: str, place: str) -> list[XmlElement]:
    if len(elements) != 1:
        raise invalid_call(f"{place} appears more than once.")
    children = elements[0].children
    for each in children:
        if each.name != name:
            raise no_member(place, each.name)
    return children


def _map(entries: list[XmlElement], shape: Any, place: str) -> dict[str, Any]:
    names: tuple[Shape, Shape] = (shape.key, shape.value)
    key_name, value_name = (
        each.serialization.get("name", default) for each, default in zip(names, ("key", "value"), strict=True)
    )
    read: dict[str, Any] = {}
    for entry in entries:
        found = {child.name: child for child in entry.children}
        if set(found) != {key_name, value_name} or len(entry.children) != 2 or found[key_name].children:
            raise invalid_call(f"An entry of {place} is not one key with one value.")
        key = "".join(found[key_name].text)
        if key in read:
            raise invalid_call(f"{place} has the key {key[:60]!a} twice.")
        read[key] = xml_value([found[value_name]], shape.value, place)
    return read
