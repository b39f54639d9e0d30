"""Reads the parameters of the protocols rest-json and rest-xml: path, query, headers and body."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.model import OperationModel, Shape

from jitney.client.gateway.received import ReceivedRequest, decompressed
from jitney.client.gateway.rest_routes import Query, RestRoute, unquoted
from jitney.client.gateway.wire_values import from_text, from_tree, invalid_call, no_member
from jitney.client.gateway.xml_documents import xml_document, xml_structure, xml_value
from jitney.core import strict_json

_HTTP_DATES = re.compile(r"[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII)
_COMPUTED = frozenset({"CRC32", "SHA1", "SHA256", "SHA512"})
"""The checksums that the broker can compute for the request that it sends."""
# An item of a list in a header: quoted if it holds a comma or a quote, with quotes escaped.
_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(?:,|$)')


class RoutedRequest(NamedTuple):
    """A request, the route that it fits, and what it has in the route's labels and in its query."""

    request: ReceivedRequest
    route: RestRoute
    labels: Mapping[str, str]
    query: Query


def rest_parameters(routed: RoutedRequest) -> dict[str, Any]:
    """Return the parameters of a request. Raises Invalid for what the operation's model does not have."""
    request, route = routed.request, routed.route
    shape = route.operation.input_shape
    if shape is None:
        if request.body.strip() not in (b"", b"{}"):
            raise no_member("", "body")
        return {}
    read: dict[str, Any] = {}
    taken = {name for name, each in shape.members.items() if each.serialization.get("location")}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location and (value := _READERS[location](member, name, routed)) is not None:
            read[name] = value
    if "Content-Encoding" not in {each.serialization.get("name") for each in shape.members.values()}:
        request = decompressed(request)
    payload = shape.serialization.get("payload")
    if payload:
        return read | _payload(request, payload, route)
    return read | _body(request, frozenset(taken), route)


def without_sdk_checksum(parameters: dict[str, Any], operation: OperationModel) -> dict[str, Any]:
    """Return the parameters without the name of a checksum algorithm that the broker cannot compute.

    AWS CLI 2 chooses CRC64NVME by itself. That checksum covers the bytes of the SDK's request, and not an object, so
    the broker computes one for its own request. If the operation has a parameter for the checksum's value, nothing is
    removed.
    """
    name = operation.http_checksum.get("requestAlgorithmMember", "")
    algorithm = str(parameters.get(name, ""))
    has_value = operation.input_shape is not None and f"Checksum{algorithm}" in operation.input_shape.members
    if not algorithm or algorithm in _COMPUTED or has_value:
        return parameters
    return {each: value for each, value in parameters.items() if each != name}


def _body(request: ReceivedRequest, taken: frozenset[str], route: RestRoute) -> dict[str, Any]:
    if not request.body:
        return {}
    if len(taken) == len(route.members):
        if request.body.strip() in (b"{}", b""):
            return {}
        raise no_member("", "body")
    shape: Any = route.operation.input_shape
    if route.protocol == "rest-xml":
        return xml_structure(xml_document(request.body), shape, route.operation.name, taken)
    read = from_tree(json_body(request.body), shape)
    if not isinstance(read, dict):
        raise invalid_call("The body is not a JSON object.")
    if taken & read.keys():
        raise no_member("", min(taken & read.keys()))
    return read


def _payload(request: ReceivedRequest, name: str, route: RestRoute) -> dict[str, Any]:
    shape: Any = route.operation.input_shape
    member = shape.members[name]
    required = name in shape.required_members
    if member.type_name == "blob":
        return {name: base64.b64encode(request.body).decode("ascii")} if request.body or required else {}
    if member.type_name == "string":
        try:
            return {name: request.body.decode("utf-8")} if request.body or required else {}
        except UnicodeDecodeError as error:
            raise invalid_call("The body is not UTF-8.") from error
    if not request.body:
        return {}
    if route.protocol == "rest-xml":
        return {name: xml_value([xml_document(request.body)], member, f"{route.operation.name}.{name}")}
    value = json_body(request.body)
    if value == {} and not required:  # what SDKs send for a member that is left out
        return {}
    return {name: from_tree(value, member, name)}


def json_body(body: bytes) -> Any:
    """Return the JSON value of a body. Raises Invalid for text that parsers read differently."""
    try:
        return strict_json.loads(body)
    except ValueError as error:
        raise invalid_call("The request's body is not JSON, or parsers read it differently.") from error


def _label(member: Shape, name: str, routed: RoutedRequest) -> Any:
    wire = member.serialization.get("name", name)
    return from_text(unquoted(routed.labels[wire], name), member, name)


def _query_value(member: Any, name: str, routed: RoutedRequest) -> Any:
    query, route = routed.query, routed.route
    if member.type_name == "map":
        others = {
            each.serialization.get("name", key)
            for key, each in route.members.items()
            if each.serialization.get("location") == "querystring" and each is not member
        }
        free = {each: values for each, values in query.items() if each not in others and each not in route.fixed}
        return {each: _of_query(values, member.value, each) for each, values in free.items()} or None
    values = query.get(member.serialization.get("name", name))
    return None if values is None else _of_query(values, member, name)


def _of_query(values: list[str], shape: Any, name: str) -> Any:
    if shape.type_name == "list":
        return [from_text(each, shape.member, name) for each in values]
    if len(values) != 1:
        raise invalid_call(f"{name} appears more than once in the query.")
    return from_text(values[0], shape, name)


def _header(member: Any, name: str, routed: RoutedRequest) -> Any:
    text = routed.request.headers.get(member.serialization.get("name", name).lower())
    if text is None:
        return None
    if member.serialization.get("jsonvalue"):
        return _json_header(text, name)
    if member.type_name == "list":
        return [from_text(each, member.member, name) for each in _list_items(text, member.member)]
    return from_text(text, member, name)


def _headers(member: Any, _name: str, routed: RoutedRequest) -> Any:
    prefix = member.serialization.get("name", "").lower()
    return {
        each[len(prefix) :]: from_text(text, member.value, each)
        for each, text in routed.request.headers.items()
        if each.startswith(prefix) and each not in routed.route.header_names
    } or None


_READERS = {"uri": _label, "querystring": _query_value, "header": _header, "headers": _headers}


def _json_header(text: str, name: str) -> Any:
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid_call(f"The header of {name} is not JSON in base64.") from error


def _list_items(text: str, member: Shape) -> list[str]:
    if member.type_name == "timestamp" and (dates := _HTTP_DATES.findall(text)):
        return dates
    items, at = [], 0
    while at < len(text):
        found = _LIST_ITEM.match(text, at)
        if not found:
            raise invalid_call("A list in a header cannot be read.")
        quoted, plain = found.groups()
        items.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip())
        at = found.end()
    return items
