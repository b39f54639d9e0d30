"""Reads the forms of the protocols query and ec2: names such as `Filter.1.Value.2`, and texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import OperationModel

from jitney.client.gateway.wire_values import from_text, invalid_call, no_member

MAX_FIELDS = 50_000
MAX_SEGMENTS = 200
_OF_THE_PROTOCOL = frozenset({"Action", "Version"})


def form_fields(body: bytes) -> Mapping[str, str]:
    """Return the fields of a form. Raises Invalid for a malformed form, and for a name that appears twice."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise invalid_call("The request's body is not a form.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise invalid_call("A name appears twice in the form.")
    return fields


@dataclass(slots=True)
class _FormNode:
    """The fields below one name, and the value of the name itself."""

    value: str | None = None
    below: "dict[str, _FormNode]" = field(default_factory=dict)


def form_parameters(fields: Mapping[str, str], operation: OperationModel, protocol: str) -> dict[str, Any]:
    """Return the parameters in a form. Raises Invalid for a field that the model does not have."""
    root = _FormNode()
    for name, value in fields.items():
        if name in _OF_THE_PROTOCOL:
            continue
        segments = name.split(".")
        if len(segments) > MAX_SEGMENTS:
            raise invalid_call("A name of the form has too many parts.")
        node = root
        for each in segments:
            node = node.below.setdefault(each, _FormNode())
        node.value = value
    if operation.input_shape is None:
        if root.below:
            raise no_member("", next(iter(root.below)))
        return {}
    read: dict[str, Any] = (_Ec2Form() if protocol == "ec2" else _QueryForm()).structure(
        root, operation.input_shape, operation.name
    )
    return read


class _QueryForm:
    """How the protocol query names members, list items and map entries."""

    def name(self, shape: Any, default: str) -> str:
        """Return a member's name on the wire."""
        if shape.type_name == "list" and shape.serialization.get("flattened"):
            # A flattened list is named as its members are, if the model names them.
            renamed = shape.member.serialization.get("name")
            if renamed:
                return str(renamed)
        return str(shape.serialization.get("name", default))

    def items(self, node: _FormNode, shape: Any) -> _FormNode | None:
        """Return the node with a list's numbered items."""
        if shape.serialization.get("flattened"):
            return node
        return node.below.pop(shape.member.serialization.get("name", "member"), None)

    def entries(self, node: _FormNode, shape: Any) -> _FormNode | None:
        """Return the node with a map's numbered entries."""
        return node if shape.serialization.get("flattened") else node.below.pop("entry", None)

    def read(self, node: _FormNode, shape: Any, place: str) -> Any:
        """Return the value below a name."""
        kind = shape.type_name
        if kind in ("structure", "list", "map"):
            if node.value:
                raise invalid_call(f"{place} has a text where the model has a {kind}.")
            return getattr(self, kind)(node, shape, place)
        if node.value is None or node.below:
            raise no_member(place, next(iter(node.below), ""))
        return from_text(node.value, shape, place)

    def structure(self, node: _FormNode, shape: Any, place: str) -> dict[str, Any]:
        """Return a structure."""
        read = {}
        for name, member in shape.members.items():
            wire = self.name(member, name)
            if wire in node.below:
                read[name] = self.read(node.below.pop(wire), member, f"{place}.{wire}")
        if node.below:
            raise no_member(place, next(iter(node.below)))
        return read

    def list(self, node: _FormNode, shape: Any, place: str) -> list[Any]:
        """Return a list."""
        items = self.items(node, shape)
        read = [self.read(each, shape.member, place) for each in _numbered(items, place)] if items else []
        if node.below and node is not items:
            raise no_member(place, next(iter(node.below)))
        return read

    def map(self, node: _FormNode, shape: Any, place: str) -> dict[str, Any]:
        """Return a map."""
        entries = self.entries(node, shape)
        read = {}
        for each in _numbered(entries, place) if entries else ():
            key = each.below.pop(shape.key.serialization.get("name", "key"), _FormNode())
            value = each.below.pop(shape.value.serialization.get("name", "value"), None)
            if key.value is None or value is None or each.below:
                raise invalid_call(f"An entry of {place} is not one key with one value.")
            if key.value in read:
                raise invalid_call(f"{place} has the key {key.value[:60]!a} twice.")
            read[key.value] = self.read(value, shape.value, place)
        if node.below and node is not entries:
            raise no_member(place, next(iter(node.below)))
        return read


class _Ec2Form(_QueryForm):
    """How the protocol ec2 names members. All its lists are flattened."""

    def name(self, shape: Any, default: str) -> str:
        if "queryName" in shape.serialization:
            return str(shape.serialization["queryName"])
        name = shape.serialization.get("name")
        return name[0].upper() + name[1:] if name else default

    def items(self, node: _FormNode, shape: Any) -> _FormNode | None:  # noqa: ARG002 - the other protocol needs it
        return node


def _numbered(node: _FormNode, place: str) -> list[_FormNode]:
    """Return the nodes 1, 2, 3 and so on. Raises Invalid if there are other nodes."""
    found = [node.below.get(str(number)) for number in range(1, len(node.below) + 1)]
    if any(each is None for each in found):
        raise invalid_call(f"The items of {place} are not numbered 1, 2, 3 and so on.")
    return [each for each in found if each is not None]
