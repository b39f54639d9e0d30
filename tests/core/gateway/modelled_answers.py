"""Answers made from AWS's models: canaries in the members to mask, decoys in all others, and their bytes on the wire.

Botocore's parser reads these bytes again, so that a test notices if they are not what AWS would send.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from botocore.model import OperationModel, Shape

from jitney.core.masking.mask_tags import CREDENTIAL, SENSITIVE, MaskTags
from jitney.core.masking.table import ANY, CREDENTIAL_REF, LOOK_ALIKE_REF, SENSITIVE_REF, OperationShapes

CANARY, DECOY = "canary", "decoy"
DECOYS = (
    DECOY,
    "eyJFeGNsdXNpdmVTdGFydEtleSI6IHsiaWQiOiB7IlMiOiAiMTcifX0sICJib3RvX3RydW5jYXRlIjogMX0=",
    "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=",
    "3f1c9b1e-7a39-4b6a-8d9d-2f9c1f7f0a11",
    "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
    "arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-A1b2C3",
    "AROAEXAMPLEID12345:session",
    "s3://reports/2026/q3.csv?versionId=null",
    '<&> "quoted" caf\u00e9 100%',
)
"""Page tokens, ids, versions and other texts that are no secrets."""
DEEPEST = 2
"""How often a shape occurs within itself."""
WHEN = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
_KINDS = {CREDENTIAL_REF: CREDENTIAL, SENSITIVE_REF: SENSITIVE}


@dataclass(slots=True)
class ModelledAnswer:
    """Makes an answer and what it is after masking, both as botocore's parser returns them.

    `masked` are the operation's entry in the table of masks.
    """

    operation: OperationModel
    masked: OperationShapes
    tags: MaskTags
    numbers: Any = field(default_factory=count)

    def made(self) -> tuple[dict[str, Any], dict[str, Any]]:
        output = self.operation.output_shape
        if output is None:
            return {}, {}
        return self.value(output, self.masked.output, self.kind(output, self.masked.output, None), ())

    def kind(self, shape: Shape, ref: Any, inherited: str | None) -> str | None:
        """Return the kind of mask for everything below a member."""
        if isinstance(ref, str):
            return None if ref == LOOK_ALIKE_REF else _KINDS[ref]
        return SENSITIVE if shape.metadata.get("sensitive") else inherited

    def inner(self, ref: Any, name: str) -> Any:
        return self.masked.shapes[ref].get(name) if isinstance(ref, int) else None

    def value(self, shape: Shape, ref: Any, kind: str | None, above: tuple[str, ...]) -> tuple[Any, Any]:
        """Return a value and what it is after masking."""
        if shape.metadata.get("document"):
            text = self.text(kind)
            return {"any": [text, 5]}, {"any": [self.after(text, kind), 0 if kind else 5]}
        if shape.type_name == "structure":
            return self.structure(shape, ref, kind, (*above, shape.name))
        if shape.type_name == "list":
            ref = self.inner(ref, ANY)
            within = (*above, shape.name)
            # One element where a shape occurs within itself: two would make millions of values in some services.
            elements = 0 if above.count(shape.name) >= DEEPEST else 2 if len(set(above)) == len(above) else 1
            pairs = [self.value(shape.member, ref, self.kind(shape.member, ref, kind), within) for _ in range(elements)]
            return [before for before, _ in pairs], [after for _, after in pairs]
        if shape.type_name == "map":
            return self.map(shape, ref, kind, (*above, shape.name))
        return self.leaf(shape, kind)

    def structure(self, shape: Shape, ref: Any, kind: str | None, above: tuple[str, ...]) -> tuple[Any, Any]:
        names = list(shape.members)
        if shape.metadata.get("union"):
            names = [next((name for name in names if shape.members[name].type_name in SCALARS), names[0])]
        before, after = {}, {}
        for name in names:
            member = shape.members[name]
            if member.type_name not in SCALARS and above.count(member.name) >= DEEPEST:
                continue
            inner = self.inner(ref, name)
            before[name], after[name] = self.value(member, inner, self.kind(member, inner, kind), above)
        return before, after

    def map(self, shape: Shape, ref: Any, kind: str | None, above: tuple[str, ...]) -> tuple[Any, Any]:
        ref = self.inner(ref, ANY)
        keys = SENSITIVE if shape.key.metadata.get("sensitive") else None
        key = self.text(keys)
        if above.count(shape.name) > DEEPEST:
            return {}, {}
        value, masked = self.value(shape.value, ref, self.kind(shape.value, ref, kind), above)
        return {key: value}, {self.after(key, keys): masked}

    def leaf(self, shape: Shape, kind: str | None) -> tuple[Any, Any]:
        enum = shape.enum if shape.type_name == "string" else None
        text = str(enum[0]) if enum and not kind else self.text(kind)
        before = {
            "blob": text.encode(),
            "integer": 7,
            "long": 7,
            "float": 7.5,
            "double": 7.5,
            "boolean": True,
            "timestamp": WHEN,
        }.get(shape.type_name, text)
        return before, self.after(before, kind)

    def text(self, kind: str | None) -> str:
        number = next(self.numbers)
        return f"{CANARY} {number}" if kind else f"{DECOYS[number % len(DECOYS)]} {number}"

    def after(self, value: Any, kind: str | None) -> Any:
        return self.tags.masked(value, kind) if kind else value


SCALARS = {
    "string", "character", "blob", "integer", "long", "float", "double", "boolean", "timestamp",
}  # fmt: skip


def wire_answer(operation: OperationModel, value: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of an answer."""
    output = operation.output_shape
    protocol = operation.service_model.resolved_protocol
    write = _json_body if protocol in ("json", "rest-json") else _xml_body
    if output is None:
        return {}, write(operation, None, {})
    headers: dict[str, str] = {}
    for name, each in value.items():
        member = output.members[name]
        place = member.serialization.get("name", name)
        if member.serialization.get("location") == "header":
            headers[place] = _header(member, each)
        elif member.serialization.get("location") == "headers":
            headers |= {place + key: text for key, text in each.items()}
    payload = output.serialization.get("payload")
    if payload and output.members[payload].type_name == "blob":
        return headers, value.get(payload, b"")
    if payload and output.members[payload].type_name == "string":
        return headers, value.get(payload, "").encode()
    if payload:
        return headers, write(operation, output.members[payload], value.get(payload, {}))
    return headers, write(operation, output, value)


def _header(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return format_datetime(value.astimezone(UTC), usegmt=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in_body(shape: Shape) -> dict[str, Shape]:
    return {name: each for name, each in shape.members.items() if not each.serialization.get("location")}


def _json_body(_operation: OperationModel, shape: Shape | None, value: Any) -> bytes:
    return json.dumps(_json(shape, value) if shape else {}).encode()


def _json(shape: Shape, value: Any) -> Any:
    if shape.metadata.get("document"):
        return value
    if shape.type_name == "structure":
        return {
            member.serialization.get("name", name): _json(member, value[name])
            for name, member in _in_body(shape).items()
            if name in value
        }
    if shape.type_name == "list":
        return [_json(shape.member, each) for each in value]
    if shape.type_name == "map":
        return {name: _json(shape.value, each) for name, each in value.items()}
    return _JSON.get(type(value), lambda same: same)(value)


_JSON: Mapping[type, Callable[[Any], Any]] = {
    bytes: lambda data: base64.b64encode(data).decode(),
    datetime: lambda time: time.timestamp(),
}


def _xml_body(operation: OperationModel, shape: Shape | None, value: Any) -> bytes:
    inner, attributes = _members(shape, value) if shape else ("", "")
    wrapper = operation.output_shape.serialization.get("resultWrapper") if operation.output_shape else None
    if wrapper:
        inner = f"<{wrapper}>{inner}</{wrapper}><ResponseMetadata><RequestId>{DECOY}</RequestId></ResponseMetadata>"
    name = f"{operation.name}Response"
    return f'<?xml version="1.0"?>\n<{name} xmlns="urn:x"{attributes}>{inner}</{name}>'.encode()


def _members(shape: Shape, value: Mapping[str, Any]) -> tuple[str, str]:
    written, attributes = [], ""
    for name, member in _in_body(shape).items():
        if name not in value:
            continue
        tag = member.serialization.get("name", name)
        if member.serialization.get("xmlAttribute"):
            attributes += f' xmlns:{tag.split(":")[0]}="urn:y" {tag}={quoteattr(value[name])}'
        elif member.type_name == "list" and member.serialization.get("flattened"):
            tag = member.member.serialization.get("name", tag)
            written += [_element(tag, member.member, each) for each in value[name]]
        elif member.type_name == "map" and member.serialization.get("flattened"):
            written += [f"<{tag}>{entry}</{tag}>" for entry in _entries(member, value[name])]
        else:
            written.append(_element(tag, member, value[name]))
    return "".join(written), attributes


def _entries(shape: Shape, value: Mapping[str, Any]) -> list[str]:
    key, inner = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    return [_element(key, shape.key, name) + _element(inner, shape.value, each) for name, each in value.items()]


def _element(tag: str, shape: Shape, value: Any) -> str:
    attributes = ""
    if shape.type_name == "structure":
        inner, attributes = _members(shape, value)
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        inner = "".join(_element(item, shape.member, each) for each in value)
    elif shape.type_name == "map":
        inner = "".join(f"<entry>{entry}</entry>" for entry in _entries(shape, value))
    else:
        inner = escape(_scalar(value))
    return f"<{tag}{attributes}>{inner}</{tag}>"


def _scalar(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else str(value)
