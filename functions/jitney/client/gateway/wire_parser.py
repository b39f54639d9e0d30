"""Parses a request into a call: service, operation, Region and parameters, in the six protocols of AWS.

The broker checks the parameters, decides about them and serializes them again. So an error of this parser gives no
access: the broker decides about exactly what it sends.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import BaseCBORParser, ResponseParserError

from jitney.adapters.aws_models import AwsModels
from jitney.client.gateway.forms import form_fields, form_parameters
from jitney.client.gateway.received import ReceivedRequest, decompressed
from jitney.client.gateway.rest_parameters import RoutedRequest, json_body, rest_parameters, without_sdk_checksum
from jitney.client.gateway.rest_routes import Query, RestRoute, best_routes, query_values
from jitney.client.gateway.signature import SigningScope
from jitney.client.gateway.wire_values import WITH_CREDENTIALS, from_tree, invalid_call, unsupported_call
from jitney.client.problems import Invalid
from jitney.core.problems import Problem

_NEWER_SDK = "Update the SDK, or use credentials: `jitney run` without --gateway."
_OF_S3 = frozenset({"s3express"})
"""The name in the signatures of some operations of S3, instead of "s3"."""
_SLASHES_COUNT = frozenset({"s3", *_OF_S3})
"""Services whose paths end with a name that the caller chooses, so every slash counts."""
SERVICE_PATH = re.compile(r"/\.service/(?P<service>[a-z0-9-]+)(?P<path>/.*)", re.DOTALL)
"""The path of an endpoint for one service only, because two services may have equal requests.

No bucket's name begins with a dot.
"""
CBOR = "smithy-rpc-v2-cbor"
_CBOR_PATH = re.compile(r"/service/(?P<service>[\w.]+)/operation/(?P<operation>\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """One call. `protocol` is the client's protocol, in which it also expects the answer."""

    service: str
    operation: OperationModel
    region: str
    parameters: Mapping[str, Any] = field(repr=False)
    protocol: str


class _Content(NamedTuple):
    """What a request asks for, and in which protocol."""

    operation: OperationModel
    parameters: dict[str, Any]
    protocol: str


class WireParser:
    """Parses requests with the models of the supported services."""

    def __init__(self, models: AwsModels) -> None:
        self._models = models
        self._signed_as: dict[str, list[ServiceModel]] = {}
        for model in map(models.service_model, models.services()):
            self._signed_as.setdefault(model.signing_name, []).append(model)
        self._signed_as |= dict.fromkeys(_OF_S3, self._signed_as["s3"])
        self._routes = cache(self._routes_of)

    def services(self, signing_name: str) -> list[ServiceModel]:
        """Return the services that sign with this name."""
        return self._signed_as.get(signing_name, [])

    def parse(self, request: ReceivedRequest, scope: SigningScope) -> ParsedCall:
        """Return the call. Raises Invalid with the code call_unsupported, or call_invalid for a malformed request."""
        if "x-amz-s3session-token" in request.headers:
            raise unsupported_call("The gateway does not support sessions of S3 Express.")
        services = self.services(scope.signing_name)
        if path := SERVICE_PATH.fullmatch(request.path):
            services = [model for model in services if model.service_name == path["service"]]
            request = replace(request, path=path["path"])
        if not services:
            raise unsupported_call(f"The gateway has no service that signs as {scope.signing_name[:40]!a}.")
        try:
            operation, parameters, protocol = self._read(request, services, scope.signing_name)
        except Problem as problem:
            raise Invalid(problem.code, "Not supported", problem.detail, WITH_CREDENTIALS) from problem
        service = operation.service_model.service_name
        return ParsedCall(service, operation, scope.region, parameters, protocol)

    def _read(self, request: ReceivedRequest, services: list[ServiceModel], signing_name: str) -> _Content:
        if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
            return self._cbor(request, services)
        if target := request.headers.get("x-amz-target"):
            return self._json(request, services, target)
        forms = [model for model in services if model.resolved_protocol in ("query", "ec2")]
        if forms and request.media_type == "application/x-www-form-urlencoded":
            return self._form(request, forms)
        rest = [model for model in services if model.resolved_protocol.startswith("rest-")]
        if not rest:
            protocol = services[0].resolved_protocol
            detail = f"This SDK speaks another protocol to {services[0].service_name} than {protocol}."
            raise unsupported_call(detail, _NEWER_SDK)
        return self._rest(request, rest, signing_name)

    def _json(self, request: ReceivedRequest, services: list[ServiceModel], target: str) -> _Content:
        prefix, _, name = target.rpartition(".")
        for model in services:
            if model.resolved_protocol == "json" and model.metadata["targetPrefix"] == prefix:
                operation = self._models.operation(model.service_name, name)
                body = decompressed(request).body or b"{}"
                return _Content(operation, _tree(json_body(body), operation), "json")
        raise unsupported_call(f"The gateway has no service with the target {prefix[:60]!a}.")

    def _cbor(self, request: ReceivedRequest, services: list[ServiceModel]) -> _Content:
        path = _CBOR_PATH.fullmatch(request.path)
        for model in services if path else ():
            if path and model.metadata.get("targetPrefix") == path["service"]:
                operation = self._models.operation(model.service_name, path["operation"])
                body = decompressed(request).body
                return _Content(operation, _tree(_cbor_value(body) if body else {}, operation), CBOR)
        raise unsupported_call(f"The gateway has no service at the path {request.path[:60]!a}.")

    def _form(self, request: ReceivedRequest, services: list[ServiceModel]) -> _Content:
        fields = form_fields(decompressed(request).body)
        for model in services:
            if fields.get("Version") == model.api_version:
                operation = self._models.operation(model.service_name, fields.get("Action", ""))
                protocol = model.resolved_protocol
                return _Content(operation, form_parameters(fields, operation, protocol), protocol)
        known = ", ".join(model.api_version for model in services)
        raise unsupported_call(f"The gateway knows {services[0].service_name} in version {known} only.")

    def _rest(self, request: ReceivedRequest, services: list[ServiceModel], signing_name: str) -> _Content:
        query = query_values(request.query)
        routes = [route for model in services for route in self._routes(model.service_name, signing_name)]
        best = best_routes(routes, request, query)
        if not best and signing_name not in _SLASHES_COUNT:
            # AWS accepts a path with and without a slash at its end, and SDKs of different age send one or the other.
            path = request.path.removesuffix("/") if request.path.endswith("/") else f"{request.path}/"
            best = best_routes(routes, replace(request, path=path), query)
        if not best or best[0][1].unfit:
            self._name_unsupported(request, services, query)
        if not best:
            raise unsupported_call(f"No operation of {services[0].service_name} is at this address.")
        route, match = best[0]
        if match.unfit:
            detail = f"The request has parameters that {route.operation.name} does not have, or lacks required ones."
            raise invalid_call(detail)
        if len(best) > 1:
            raise _ambiguous(each.operation for each, _ in best)
        parameters = rest_parameters(RoutedRequest(request, route, match.labels, query))
        known = without_sdk_checksum(parameters, route.operation)
        return _Content(route.operation, known, route.protocol)

    def _routes_of(self, service: str, signing_name: str) -> list[RestRoute]:
        operations = (self._models.operation(service, name) for name in self._models.operations(service))
        return [RestRoute.of(each) for each in operations if signing_name in self._models.signing_names(each)]

    def _name_unsupported(self, request: ReceivedRequest, services: list[ServiceModel], query: Query) -> None:
        """Raise the problem that names the operation, if the gateway does not support it."""
        for model in services:
            whole = _whole_model(model.service_name)
            routes = (RestRoute.of(whole.operation_model(name)) for name in whole.operation_names)
            for route, match in best_routes(routes, request, query):
                if not match.unfit:
                    self._models.operation(model.service_name, route.operation.name)


def _tree(value: Any, operation: OperationModel) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid_call("The request's body is not an object.")
    if operation.input_shape is None:
        return value
    read: dict[str, Any] = from_tree(value, operation.input_shape)
    return read


def _cbor_value(body: bytes) -> Any:
    reader = BaseCBORParser()
    stream = reader.get_peekable_stream_from_bytes(body)
    try:
        value = reader.parse_data_item(stream)
    except (ResponseParserError, ValueError, RecursionError, TypeError, OverflowError) as error:
        raise invalid_call("The request's body is not CBOR.") from error
    if stream.read(1):
        raise invalid_call("The request's body has more than one CBOR value.")
    return value


@cache
def _whole_model(service: str) -> ServiceModel:
    """Return botocore's own model of a service, including operations that the gateway does not support."""
    try:
        return ServiceModel(Loader(include_default_extras=False).load_service_model(service, "service-2"), service)
    except DataNotFoundError:
        return ServiceModel({"metadata": {}, "operations": {}, "shapes": {}}, service)


def _ambiguous(operations: Iterable[OperationModel]) -> Invalid:
    """Return the problem that the request fits several services, so that each needs an endpoint of its own."""
    services = sorted(each.service_model.service_name for each in operations)
    named = " and ".join(services)
    variables = " and ".join(endpoint_variable(each) for each in services)
    fix = f"Set {variables} as `jitney run --gateway` does, so that each service has an endpoint of its own."
    return Invalid(
        "call_unsupported", "Several services fit", f"The services {named} have equal requests for this call.", fix
    )


def endpoint_variable(service: str) -> str:
    """Return the variable that names the endpoint of one service. It is right for services whose id is their name."""
    return f"AWS_ENDPOINT_URL_{service.replace('-', '_').upper()}"
