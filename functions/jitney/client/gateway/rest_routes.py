"""Finds the operation of a REST service by method, path, query and headers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel

from jitney.client.gateway.received import ReceivedRequest
from jitney.client.gateway.wire_values import invalid_call

_LABEL = re.compile(r"\{([^{}+]+)(\+?)\}")
# Headers with this prefix change what S3 does, except those in `_OF_THE_TRANSPORT`.
_MEANINGFUL = "x-amz-"
_OF_THE_TRANSPORT = frozenset(
    {
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-glacier-version",
        "x-amz-user-agent",
        "x-amz-api-version",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-target",
    }
)
_CHECKSUM = "x-amz-checksum-"
"""Headers with checksums of the body. If they are not parameters of the operation, the broker computes its own."""
_NAMES_OPERATION = "x-id"
"""A query parameter that some SDKs add, such as the SDK for JavaScript. It only names the operation."""

Query = Mapping[str, list[str]]


def query_values(query: str) -> Query:
    """Return the values of each name in a query. Raises Invalid when it is not UTF-8."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise invalid_call("The query of the address cannot be read.") from error
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


class RouteMatch(NamedTuple):
    """How well a request matches an operation: missing and unknown members, and how specific the route is."""

    unfit: int
    specific: tuple[int, int, int, int]
    labels: Mapping[str, str]

    @property
    def rank(self) -> tuple[int, tuple[int, int, int, int]]:
        """The best match has the highest rank."""
        return (-self.unfit, self.specific)


@dataclass(frozen=True)
class RestRoute:
    """The method, path and query of one operation."""

    operation: OperationModel
    method: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    literals: int
    fixed: Mapping[str, str]

    @classmethod
    def of(cls, operation: OperationModel) -> Self:
        """Return the route in the operation's model."""
        path, _, query = operation.http.get("requestUri", "/").partition("?")
        fixed = {name: values[0] for name, values in query_values(query).items()}
        labels = tuple(label[1] for label in _LABEL.finditer(path))
        method = operation.http.get("method", "POST")
        return cls(operation, method, _pattern(path), labels, len(_LABEL.sub("", path)), fixed)

    @property
    def protocol(self) -> str:
        """The protocol of the service: rest-json or rest-xml."""
        return self.operation.service_model.resolved_protocol

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The members of the operation's parameters."""
        shape = self.operation.input_shape
        return shape.members if shape else {}

    @cached_property
    def query_names(self) -> frozenset[str] | None:
        """The names that the query may have, or None if a member takes any name."""
        found = self._in("querystring")
        if any(self.members[name].type_name == "map" for name in found):
            return None
        return frozenset({*found.values(), *self.fixed, _NAMES_OPERATION})

    @cached_property
    def header_names(self) -> tuple[str, ...]:
        """The names of the headers that hold parameters, in lower case."""
        return tuple(name.lower() for name in self._in("header").values())

    @cached_property
    def header_prefixes(self) -> tuple[str, ...]:
        """The prefixes of headers that hold parameters."""
        return tuple(name.lower() for name in self._in("headers").values())

    @cached_property
    def required(self) -> tuple[tuple[str, str], ...]:
        """The place and the name on the wire of each required parameter in the query or a header."""
        shape = self.operation.input_shape
        members = [(name, shape.members[name].serialization) for name in shape.required_members] if shape else []
        return tuple(
            (each["location"], each.get("name", name))
            for name, each in members
            if each.get("location") in ("querystring", "header")
        )

    def _in(self, location: str) -> dict[str, str]:
        return {
            name: each.serialization.get("name", name)
            for name, each in self.members.items()
            if each.serialization.get("location") == location
        }

    def match(self, request: ReceivedRequest, query: Query) -> RouteMatch | None:
        """Return how well the request matches, or None when method, path or the fixed query differ."""
        found = self.pattern.fullmatch(request.path) if request.method == self.method else None
        if found is None or any(query.get(name) != [value] for name, value in self.fixed.items()):
            return None
        names = self.query_names
        left = [name for name in query if names is not None and name not in names]
        headers = [
            name
            for name in request.headers
            if name.startswith(_MEANINGFUL)
            and name not in _OF_THE_TRANSPORT
            and not name.startswith(_CHECKSUM)
            and name not in self.header_names
            and not any(prefix and name.startswith(prefix) for prefix in self.header_prefixes)
        ]
        given = {"querystring": query, "header": request.headers}
        present = sum((name.lower() if place == "header" else name) in given[place] for place, name in self.required)
        unfit = len(left) + len(headers) + len(self.required) - present
        named = int(query.get(_NAMES_OPERATION) == [self.operation.name])
        current = int(not self.operation.deprecated)
        labels = dict(zip(self.labels, found.groups(), strict=True))
        return RouteMatch(unfit, (named, self.literals, len(self.fixed) + present, current), labels)


def best_routes(
    routes: Iterable[RestRoute], request: ReceivedRequest, query: Query
) -> list[tuple[RestRoute, RouteMatch]]:
    """Return the routes that match best: none, one, or several with the same request."""
    found = [(route, match) for route in routes if (match := route.match(request, query))]
    best = max((match.rank for _, match in found), default=None)
    return [(route, match) for route, match in found if match.rank == best]


def unquoted(text: str, place: str) -> str:
    """Return the decoded `text` of a path. Raises Invalid when it is not UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid_call(f"{place} in the path is not UTF-8.") from error


def _pattern(path: str) -> re.Pattern[str]:
    parts, at = [], 0
    for label in _LABEL.finditer(path):
        parts.append(re.escape(path[at : label.start()]))
        parts.append("(.+)" if label[2] else "([^/]+)")
        at = label.end()
    return re.compile("".join([*parts, re.escape(path[at:])]), re.DOTALL)
