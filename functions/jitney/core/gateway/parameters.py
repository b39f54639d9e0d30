"""Checks a call's parameters against AWS's model of the operation, and converts them to what is serialized.

The check is strict: members that the model does not have are refused, and no value is converted to another type. So
reviewers see every value that AWS receives (row GW 2). JSON has fewer types than the models. A blob is base64 (RFC 4648
section 4). A timestamp is ISO 8601 with a zone, or epoch seconds.

A value is also refused if the protocol would send another value, or none. Such values are an empty list in a form or a
header, a carriage return in XML, and a name in a map that would replace a header or a query parameter of the model.
"""

import base64
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Unpack

from jitney.core.access.fields import Bounds, ErrorMembers, FieldError
from jitney.core.problems import Problem

MAX_DEPTH = 100
"""Levels of nesting. DynamoDB's 32 levels of a document are 64 of its model."""
MAX_ERRORS = 20
"""The check stops here, so that its cost does not depend on the number of errors."""

_INTEGERS = {"integer": 2**31, "long": 2**63}
_LATEST = 253_402_300_799
"""The last second of the year 9999."""
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2
_DOTS = frozenset({".", ".."})
_GREEDY = re.compile(r"\{(\w+)\+\}")
_FORMS = frozenset({"query", "ec2"})
"""Protocols whose forms cannot hold empty lists, maps and structures."""
# XML parsers read a carriage return as a line feed: https://www.w3.org/TR/xml/#sec-line-ends
_NOT_IN_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ModelledOperation(Protocol):
    """An operation of AWS's models, as botocore reads them."""

    @property
    def input_shape(self) -> Any:
        """The shape of its parameters, or None."""
        ...

    @property
    def http(self) -> Mapping[str, Any]:
        """Its HTTP method and `requestUri`."""
        ...


def checked_parameters(parameters: Any, operation: ModelledOperation, protocol: str) -> dict[str, Any]:
    """Return `parameters` as the operation's serializer for `protocol` takes them.

    Raises Problem call_invalid with all errors in `errors`, each as {pointer, detail, fix}, but at most `MAX_ERRORS`.
    """
    shape, path = operation.input_shape, operation.http.get("requestUri", "/")
    reader = _ParameterReader(protocol, path, frozenset(_GREEDY.findall(path)), shape)
    try:
        checked = reader.read(parameters, shape, "", 0) if shape else reader.nothing(parameters)
    except _TooManyErrors:
        checked = {}
    if reader.errors:
        first = reader.errors[0]
        errors = [each.body() for each in reader.errors]
        raise Problem("call_invalid", f"{first.pointer or '/'}: {first.detail}", first.fix, {"errors": errors})
    return dict(checked)


class _TooManyErrors(Exception):
    """`MAX_ERRORS` were found."""


@dataclass(slots=True)
class _ParameterReader:
    """Reads values by their shapes. An invalid value adds an error and becomes None. `whole` is the input's shape."""

    protocol: str
    path: str
    greedy: frozenset[str]
    whole: Any
    errors: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, detail: str, fix: str, **members: Unpack[ErrorMembers]) -> None:
        self.errors.append(FieldError(pointer, detail, fix, members))
        if len(self.errors) >= MAX_ERRORS:
            raise _TooManyErrors

    def nothing(self, parameters: Any) -> dict[str, Any]:
        if parameters != {}:
            self.add("", "The operation takes no parameters.", "Send {}.")
        return {}

    def read(self, value: Any, shape: Any, pointer: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self.add(pointer, f"The value is nested deeper than {MAX_DEPTH} levels.", "Send a flatter value.")
        elif value is None:
            self.add(pointer, "The value is null.", "Leave the member out, or send a value.")
        elif shape.metadata.get("document") or shape.serialization.get("jsonvalue"):
            return self.json(value, pointer, depth)
        elif value in ({}, []) and depth and self.is_dropped(shape):
            self.add(pointer, "The value is empty, and would not be sent.", "Leave the member out, or send a value.")
        else:
            return _READERS[shape.type_name](self, value, shape, pointer, depth)
        return None

    def is_dropped(self, shape: Any) -> bool:
        """Return whether the protocol sends nothing for an empty list, map or structure."""
        return self.protocol in _FORMS or shape.serialization.get("location") in ("querystring", "header", "headers")

    def json(self, value: Any, pointer: str, depth: int) -> Any:
        """Return a JSON value of any form. Only its nesting and its numbers are checked."""
        if depth > MAX_DEPTH:
            self.add(pointer, f"The value is nested deeper than {MAX_DEPTH} levels.", "Send a flatter value.")
        elif isinstance(value, dict):
            return {name: self.json(each, f"{pointer}/{_escaped(name)}", depth + 1) for name, each in value.items()}
        elif isinstance(value, list):
            return [self.json(each, f"{pointer}/{place}", depth + 1) for place, each in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            self.add(pointer, "The value is not a finite number.", "Send a JSON number.")
        return value

    def structure(self, value: Any, shape: Any, pointer: str, depth: int) -> Any:
        if not isinstance(value, dict):
            return self.add(pointer, "The value is not an object.", "Send a JSON object.")
        members = shape.members
        for name in (each for each in value if each not in members):
            near = difflib.get_close_matches(name[:100], list(members), n=1)
            fix = f"Did you mean {near[0]!r}?" if near else "Remove it."
            self.add(f"{pointer}/{_escaped(name)}", f"The member {name[:60]!a} does not exist.", fix, alternatives=near)
        for name in shape.required_members:
            if name not in value and name not in _filled_in(shape):
                self.add(f"{pointer}/{name}", "The member is missing.", "Send it.", missing=True)
        if shape.metadata.get("union") and len(value) != 1:
            self.add(pointer, f"The value has {len(value)} members.", f"Send exactly one of {', '.join(members)}.")
        return {
            name: self.read(value[name], member, f"{pointer}/{name}", depth + 1)
            for name, member in members.items()
            if name in value
        }

    def list(self, value: Any, shape: Any, pointer: str, depth: int) -> Any:
        if not isinstance(value, list):
            return self.add(pointer, "The value is not a list.", "Send a JSON array.")
        if shape.serialization.get("location") == "header":
            for place, each in enumerate(value):
                self.header(each, f"{pointer}/{place}")
        return [self.read(each, shape.member, f"{pointer}/{place}", depth + 1) for place, each in enumerate(value)]

    def map(self, value: Any, shape: Any, pointer: str, depth: int) -> Any:
        if not isinstance(value, dict):
            return self.add(pointer, "The value is not an object.", "Send a JSON object.")
        location = shape.serialization.get("location")
        in_headers = location == "headers"
        prefix = shape.serialization.get("name", "") if in_headers else ""
        taken = _taken_names(self.whole, self.path).get(location, frozenset()) if location else frozenset()
        seen: set[str] = set()
        read: dict[str, Any] = {}
        for name, each in value.items():
            place = f"{pointer}/{_escaped(name)}"
            sent_as = (prefix + name).lower()
            if location and (sent_as in seen or sent_as in taken):
                self.add(place, "The name replaces another one (case is ignored).", "Send another name.")
            seen.add(sent_as)
            if in_headers and not _HEADER_NAME.fullmatch(name):
                self.add(place, "The name cannot be part of a header's name.", "Use letters, digits and hyphens.")
            read[name] = self.read(each, shape.value, place, depth + 1)
            if in_headers:
                self.header(read[name], place)
        return read

    def string(self, value: Any, shape: Any, pointer: str, _depth: int) -> Any:
        if not isinstance(value, str):
            return self.add(pointer, "The value is not a string.", "Send a JSON string.")
        location = shape.serialization.get("location")
        if location is None and self.protocol == "rest-xml" and _NOT_IN_XML.search(value):
            fix = "Remove carriage returns and control characters."
            return self.add(pointer, "The value holds a character that XML does not keep.", fix)
        if location == "uri" and "/" in value and shape.serialization.get("name") in self.one_segment():
            return self.add(pointer, "The value has a slash, which ends the name in a path.", "Send a name without it.")
        if location == "uri" and (not value or _DOTS.intersection(value.split("/"))):
            # An empty name addresses what contains the resource, and HTTP software removes "." and ".." from paths.
            return self.add(pointer, 'The value is empty, or a part of it is "." or "..".', "Send another name.")
        if location == "header":
            self.header(value, pointer)
        return value

    def one_segment(self) -> frozenset[str]:
        """Return the parameters of S3 paths that may hold no slash. AWS might read an encoded slash as a plain one."""
        return frozenset({"Bucket"} - self.greedy) if "{Bucket}" in self.path else frozenset()

    def header(self, value: Any, pointer: str) -> None:
        if isinstance(value, str) and not (_HEADER_VALUE.fullmatch(value) and value == value.strip()):
            self.add(pointer, "The value cannot be sent in a header.", "Use printable ASCII, without spaces around it.")

    def blob(self, value: Any, _shape: Any, pointer: str, _depth: int) -> Any:
        try:
            return base64.b64decode(value, validate=True) if isinstance(value, str) else self.no_blob(pointer)
        except ValueError:  # also for characters outside ASCII
            return self.no_blob(pointer)

    def no_blob(self, pointer: str) -> None:
        self.add(pointer, "The value is not base64.", "Send the bytes in base64, with padding (RFC 4648 section 4).")

    def whole_number(self, value: Any, shape: Any, pointer: str, _depth: int) -> Any:
        bound = _INTEGERS[shape.type_name]
        if isinstance(value, bool) or not isinstance(value, int) or not -bound <= value < bound:
            fix = f"Send a whole number from {-bound} to {bound - 1}, in digits without a decimal point."
            bounds = Bounds(minimum=-bound, maximum=bound - 1)
            return self.add(pointer, "The value is not a whole number in the range.", fix, bounds=bounds)
        return value

    def number(self, value: Any, _shape: Any, pointer: str, _depth: int) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            return self.add(pointer, "The value is not a finite number.", "Send a JSON number.")
        return value

    def boolean(self, value: Any, _shape: Any, pointer: str, _depth: int) -> Any:
        return (
            value
            if isinstance(value, bool)
            else self.add(pointer, "The value is not a boolean.", "Send true or false.")
        )

    def timestamp(self, value: Any, _shape: Any, pointer: str, _depth: int) -> Any:
        if (read := _time(value)) is None:
            fix = "Send ISO 8601 with a zone, such as 2026-11-24T12:05:00Z, or epoch seconds."
            return self.add(pointer, "The value is not a time.", fix)
        return read


_READERS: Mapping[str, Callable[[_ParameterReader, Any, Any, str, int], Any]] = {
    "structure": _ParameterReader.structure,
    "list": _ParameterReader.list,
    "map": _ParameterReader.map,
    "string": _ParameterReader.string,
    "character": _ParameterReader.string,
    "blob": _ParameterReader.blob,
    "integer": _ParameterReader.whole_number,
    "long": _ParameterReader.whole_number,
    "float": _ParameterReader.number,
    "double": _ParameterReader.number,
    "boolean": _ParameterReader.boolean,
    "timestamp": _ParameterReader.timestamp,
}


_CONNECTION = frozenset({"host", "authorization", "content-length", "transfer-encoding", "connection", "expect"})


def _taken_names(shape: Any, path: str) -> Mapping[str, frozenset[str]]:
    """Return the names that the model itself sends in headers and in the query, in lower case.

    No name in a map of the parameters may replace them.
    """
    members = [each.serialization for each in shape.members.values()] if shape else []
    named = {
        place: {each["name"].lower() for each in members if each.get("location") == place and "name" in each}
        for place in ("header", "querystring")
    }
    fixed = {part.partition("=")[0].lower() for part in path.partition("?")[2].split("&")}
    return {
        "headers": frozenset(named["header"] | _CONNECTION),
        "querystring": frozenset(named["querystring"] | fixed),
    }


def _filled_in(shape: Any) -> frozenset[str]:
    """Return the members that the broker fills in: tokens by which AWS recognizes a repeated call."""
    return frozenset(name for name, member in shape.members.items() if member.metadata.get("idempotencyToken"))


def _time(value: Any) -> datetime | None:
    """Return the time in UTC that a JSON value means, or None."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo else None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LATEST:
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError):
        return None
    return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a double
        return False


def _escaped(name: str) -> str:
    """Return a member's name as part of a JSON pointer (RFC 6901 section 3), shortened and in ASCII."""
    return ascii(name[:60])[1:-1].replace("~", "~0").replace("/", "~1")
