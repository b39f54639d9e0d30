"""Turns values on the wire into parameters of `POST /v1/calls`: JSON, with base64 for bytes and ISO 8601 for times.

The broker checks the parameters against the same models. Here, only values that have no place in the model are refused.
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.model import Shape

from jitney.client.problems import Invalid

WITH_CREDENTIALS = "Use credentials for this call instead: `jitney run` without --gateway."
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def invalid_call(detail: str, fix: str = "Check the parameters against AWS's reference of the operation.") -> Invalid:
    """Return the problem that a request is not a valid call."""
    return Invalid("call_invalid", "The call is not valid", detail, fix)


def unsupported_call(detail: str, fix: str = WITH_CREDENTIALS) -> Invalid:
    """Return the problem that the gateway does not support a call."""
    return Invalid("call_unsupported", "Not supported", detail, fix)


def no_member(place: str, name: str) -> Invalid:
    """Return the problem that the model has no member `name` at `place`."""
    return invalid_call(f"{place or 'The request'} has a member {name[:60]!a} that the gateway's model does not have.")


def is_json(shape: Shape) -> bool:
    """Return whether the shape holds JSON of any form."""
    return bool(shape.metadata.get("document") or shape.serialization.get("jsonvalue"))


def from_tree(value: Any, shape: Shape, place: str = "") -> Any:
    """Return the parameter in a decoded JSON or CBOR value. A null member is left out, as AWS does."""
    if is_json(shape):
        return value
    reader = _TREES.get(shape.type_name)
    return reader(value, shape, place) if reader else value


def _structure(value: Any, shape: Any, place: str) -> Any:
    if not isinstance(value, dict):
        return value
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    read = {}
    for wire, each in value.items():
        if wire not in names:
            if wire == "__type":  # some SDKs name the shape in it, and AWS ignores that
                continue
            raise no_member(place, str(wire))
        if each is not None:
            read[names[wire]] = from_tree(each, shape.members[names[wire]], f"{place}.{wire}".lstrip("."))
    return read


def _list(value: Any, shape: Any, place: str) -> Any:
    return [from_tree(each, shape.member, place) for each in value] if isinstance(value, list) else value


def _map(value: Any, shape: Any, place: str) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: from_tree(each, shape.value, place) for name, each in value.items()}


def _blob(value: Any, _shape: Any, _place: str) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _timestamp(value: Any, _shape: Any, _place: str) -> Any:
    if isinstance(value, datetime):
        return _iso(value)
    return iso_time(value) if isinstance(value, str) else value


_TREES: Mapping[str, Callable[[Any, Any, str], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "blob": _blob,
    "timestamp": _timestamp,
}


def from_text(text: str, shape: Shape, place: str) -> Any:
    """Return the parameter in a text: of a form, a header, a query or an XML element.

    Raises Invalid when the text is not a value of the shape.
    """
    kind = shape.type_name
    if kind in ("integer", "long") and _WHOLE.fullmatch(text):
        return int(text)
    if kind in ("float", "double") and _NUMBER.fullmatch(text):
        return int(text) if _WHOLE.fullmatch(text) else float(text)
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "timestamp":
        return iso_time(text)
    if kind in ("string", "character", "blob"):
        return text
    raise invalid_call(f"{place} is {text[:60]!a}, which is no value of the type {kind}.")


def iso_time(text: str) -> str:
    """Return a time in ISO 8601 with a zone. The time may be given in ISO 8601, as epoch seconds, or as an HTTP date.

    Raises Invalid for another text.
    """
    try:
        if _NUMBER.fullmatch(text):
            return _iso(datetime.fromtimestamp(float(text), UTC))
        if text[:1].isdigit():
            read = datetime.fromisoformat(text)
            return _iso(read if read.tzinfo else read.replace(tzinfo=UTC))
        return _iso(parsedate_to_datetime(text))
    except (ValueError, OverflowError, TypeError) as error:
        raise invalid_call(f"{text[:60]!a} is not a time.") from error


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
