"""Turns the parameters of a botocore client into the JSON of `POST /v1/calls`: base64 for bytes, ISO 8601 for times."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel
from botocore.utils import parse_to_aware_datetime

from jitney.client.gateway.received import MAX_UPLOAD_BYTES, too_large

_LOCATIONS = frozenset({"querystring", "header", "headers"})


def sent_parameters(parameters: Mapping[str, Any], operation: OperationModel) -> dict[str, Any]:
    """Return the parameters of the operation.

    An empty list or map is left out if botocore would not send it. A value of a wrong type is not changed, because
    botocore checks types afterwards.
    """
    if operation.input_shape is None:
        return dict(parameters)
    drops_empty = operation.service_model.resolved_protocol == "ec2"
    sent: dict[str, Any] = _Reader(drops_empty).structure(parameters, operation.input_shape)
    return sent


def read_stream(parameters: dict[str, Any], shape: Any) -> bytes:
    """Return the bytes of the streamed parameter, b"" if there is none.

    A file is read once, and its bytes replace it in `parameters`, so that every attempt sends the same. Raises Invalid
    call_too_large for a file that does not fit into memory.
    """
    name = shape.serialization.get("payload") if shape else None
    if shape is None or name not in parameters or shape.members[name].type_name != "blob":
        return b""
    value = parameters[name]
    if hasattr(value, "read"):
        value = value.read(MAX_UPLOAD_BYTES + 1)
        parameters[name] = value
    content = value.encode() if isinstance(value, str) else bytes(value) if _is_bytes(value) else b""
    if len(content) > MAX_UPLOAD_BYTES:
        raise too_large(MAX_UPLOAD_BYTES)
    return content


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads values by their shapes. With `drops_empty`, the protocol cannot express empty lists and maps."""

    drops_empty: bool

    def value(self, value: Any, shape: Any) -> Any:
        if shape.metadata.get("document") or shape.serialization.get("jsonvalue"):
            return value
        reader = getattr(self, shape.type_name, None)
        return reader(value, shape) if reader else value

    def structure(self, value: Any, shape: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        members = shape.members
        read = {name: self.value(each, members[name]) if name in members else each for name, each in value.items()}
        return {name: each for name, each in read.items() if not self._is_dropped(each, members.get(name))}

    def _is_dropped(self, value: Any, shape: Any) -> bool:
        empty = isinstance(value, list | dict) and not value
        return empty and (self.drops_empty or bool(shape and shape.serialization.get("location") in _LOCATIONS))

    def list(self, value: Any, shape: Any) -> Any:
        return [self.value(each, shape.member) for each in value] if isinstance(value, list | tuple) else value

    def map(self, value: Any, shape: Any) -> Any:
        return {k: self.value(v, shape.value) for k, v in value.items()} if isinstance(value, Mapping) else value

    def blob(self, value: Any, _shape: Any) -> Any:
        content = value.encode() if isinstance(value, str) else value
        return base64.b64encode(bytes(content)).decode() if _is_bytes(content) else value

    def timestamp(self, value: Any, _shape: Any) -> Any:
        try:
            return parse_to_aware_datetime(value).isoformat()
        except (ValueError, TypeError, AttributeError):
            return value
