"""Serializes a call's checked parameters to the HTTP request for AWS, with botocore's serializers.

No library's client is used, because clients change parameters: boto3 encodes `UserData` again and rewrites
`CopySource`. So AWS receives what reviewers saw (row GW 2).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.awsrequest import AWSRequest, create_request_object, prepare_request_dict
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.httpchecksum import apply_request_checksum, resolve_request_checksum_algorithm
from botocore.model import OperationModel
from botocore.serialize import Serializer, create_serializer

from jitney.core.problems import Problem

# Checksums only where the operation requires one, and in a header: "s3" keeps botocore from sending trailers.
_CHECKSUMS = Config(request_checksum_calculation="when_required", signature_version="s3")
# API Gateway answers in JSON only with this header, and otherwise in HAL, which the model does not describe.
_HEADERS: Mapping[str, Mapping[str, str]] = {"apigateway": {"Accept": "application/json"}}


def wire_request(operation: OperationModel, parameters: Mapping[str, Any], endpoint: str, token: str) -> AWSRequest:
    """Return the unsigned request for `parameters`, which `core.gateway.parameters` checked.

    `endpoint` is the URL of the service's endpoint, which no caller chooses. If the caller left out an idempotency
    token, `token` is used, so that AWS recognizes a repeated call. Raises Problem call_invalid for values that cannot
    be serialized.
    """
    try:
        return _serialized(operation, parameters, endpoint, token)
    except BotoCoreError as error:
        detail = "The parameters cannot be sent as they are."
        raise Problem("call_invalid", detail, "Check the values against AWS's reference of the operation.") from error


def _serialized(operation: OperationModel, parameters: Mapping[str, Any], endpoint: str, token: str) -> AWSRequest:
    filled = dict.fromkeys(operation.idempotent_members, token) | dict(parameters)
    request: dict[str, Any] = _serializer(operation.service_model.resolved_protocol).serialize_to_request(
        filled, operation
    )
    request["headers"] = {**_HEADERS.get(operation.service_model.service_name, {}), **request["headers"]}
    prepare_request_dict(request, endpoint, {"client_config": _CHECKSUMS})
    resolve_request_checksum_algorithm(request, operation, filled)
    apply_request_checksum(request)
    made: AWSRequest = create_request_object(request)
    return made


@lru_cache(maxsize=16)
def _serializer(protocol: str) -> Serializer:
    made: Serializer = create_serializer(protocol, include_validation=False)  # type: ignore[assignment]
    return made
