"""The gateway's requests are the bytes that botocore's own client sends (row GW 2)."""

import base64
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.model import OperationModel, Shape

from jitney import resources
from jitney.adapters import aws_calls
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.wire_requests import wire_request
from jitney.core.gateway.parameters import checked_parameters
from jitney.core.problems import Problem
from tests.examples import sample

ENDPOINT = "https://upstream.example.com"
TOKEN = "00000000-0000-4000-8000-000000000000"
MODELS = AwsModels.load(resources.MODELS.read_bytes())
DEPTH = 4
"""Levels of nesting of the generated parameters."""

TEXT = 'a b"c'
VALUES = {
    "string": TEXT,
    "character": "c",
    "blob": base64.b64encode(b"bytes \xff").decode(),
    "integer": 7,
    "long": 2**40,
    "float": 1.5,
    "double": -2.25,
    "boolean": True,
    "timestamp": "2026-11-24T12:05:00Z",
}
# What botocore's client changes between its caller and the serializer. The gateway sends what it was given.
ENCODED_AGAIN = {"UserData"}
ADDED = {
    ("ec2", "CopySnapshot"): "a presigned URL of the source's Region",
    ("s3", "ListObjectVersions"): "EncodingType",
    ("s3", "ListObjects"): "EncodingType",
    ("s3", "ListObjectsV2"): "EncodingType",
}
COMPARED = {"content-type", "x-amz-target", "accept", "x-amzn-query-mode", "content-md5"}
"""The headers that do not depend on the client's configuration. Those of parameters are compared, too."""


def generated(shape: Shape, depth: int, *, whole: bool) -> Any:
    """Return JSON parameters for `shape`: with all members to `DEPTH`, or only with required ones."""
    if shape.metadata.get("document") or shape.serialization.get("jsonvalue"):
        return {"any": ["JSON", 1]}
    if shape.type_name == "structure":
        names = list(shape.members)
        if shape.metadata.get("union"):
            names = names[:1]
        elif not whole or depth >= DEPTH:
            names = list(shape.required_members) or ((leaves(shape) or names)[:1] if 0 < depth < 3 * DEPTH else [])
        return {
            name: generated(shape.members[name], depth + 1, whole=whole) for name in names if name not in ENCODED_AGAIN
        }
    if shape.type_name == "list":
        return [generated(shape.member, depth + 1, whole=whole)] if depth < 3 * DEPTH else []
    if shape.type_name == "map":
        key = shape.key.enum[0] if shape.key.enum else "key-1"
        return {key: generated(shape.value, depth + 1, whole=whole)} if depth < 3 * DEPTH else {}
    if shape.type_name == "string":
        return text_of(shape)
    return VALUES[shape.type_name]


def leaves(shape: Shape) -> list[str]:
    return [name for name, each in shape.members.items() if each.type_name not in ("structure", "list", "map")]


def without_empty(value: Any) -> Any:
    """Return parameters without what a form cannot express."""
    if isinstance(value, dict):
        kept = {name: without_empty(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in ({}, [])}
    if isinstance(value, list):
        return [kept for each in value if (kept := without_empty(each)) not in ({}, [])]
    return value


def text_of(shape: Shape) -> str:
    if shape.enum:
        return str(shape.enum[0])
    if shape.name == "Expires":  # a timestamp for botocore's client, and a string for AWS
        return "Tue, 24 Nov 2026 12:05:00 GMT"
    length = max(shape.metadata.get("min", 0), 1)
    plain = shape.serialization.get("location") or shape.serialization.get("hostLabel")
    return ("name-1" if plain else TEXT).ljust(length, "0")


@cache
def client(service: str) -> BaseClient:
    """Return botocore's client, which sends nothing: each call ends with the request that it would send."""
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret")
    config = Config(
        s3={"addressing_style": "path"},
        parameter_validation=False,
        request_checksum_calculation="when_required",
        retries={"total_max_attempts": 1},
        disable_request_compression=True,
    )
    made = session.create_client(service, "eu-west-1", endpoint_url=ENDPOINT, config=config)
    made.meta.events.register_first("before-send", stop)
    return made


class Sent(Exception):
    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


def stop(request: Any, **_: Any) -> AWSResponse:
    raise Sent(request)


def sent(service: str, operation: OperationModel, parameters: dict[str, Any]) -> Any:
    filled = dict.fromkeys(operation.idempotent_members, TOKEN) | parameters
    try:
        client(service)._make_api_call(operation.name, filled)
    except Sent as caught:
        return caught.request
    raise AssertionError("nothing was sent")


def parts(request: Any) -> dict[str, Any]:
    """Return what a request says, apart from host, signature and what names the client."""
    prepared = request.prepare() if isinstance(request, AWSRequest) else request
    url = urlsplit(prepared.url)
    body = prepared.body if isinstance(prepared.body, bytes | str) else prepared.body and prepared.body.read()
    names = (
        (name.lower(), value if isinstance(value, str) else value.decode()) for name, value in prepared.headers.items()
    )
    return {
        "method": prepared.method,
        "path": url.path,
        "query": sorted(url.query.split("&")),
        "body": (body.encode() if isinstance(body, str) else body) or b"",
        "headers": {name: value for name, value in names if name in COMPARED},
    }


def differences(service: str) -> Iterator[str]:
    for name in MODELS.operations(service):
        operation = MODELS.operation(service, name)
        for whole in (False, True):
            if not whole and (service, name) in ADDED:
                continue
            shape = operation.input_shape
            asked = generated(shape, 0, whole=whole) if shape else {}
            protocol = operation.service_model.resolved_protocol
            asked = without_empty(asked) if protocol in ("query", "ec2") else asked
            checked = checked_parameters(json.loads(json.dumps(asked)), operation, protocol)
            ours, theirs = (
                parts(wire_request(operation, checked, ENDPOINT, TOKEN)),
                parts(sent(service, operation, checked)),
            )
            if ours != theirs:
                yield f"{name} {whole}: " + str(
                    {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
                )


@pytest.mark.parametrize("service", sample(MODELS.services()))
def test_gw_02_the_request_is_the_one_of_botocores_client(service: str):
    assert list(differences(service)) == []


def test_gw_02_no_parameter_says_where_the_body_ends():
    """Else the rest of a body is read as the next request on the connection (CWE-444)."""
    for service in MODELS.services():
        for name in MODELS.operations(service):
            shape = MODELS.operation(service, name).input_shape
            members = shape.members.values() if shape else ()
            assert "content-length" not in {str(each.serialization.get("name")).lower() for each in members}


def test_gw_12_what_cannot_be_serialized_is_a_problem():
    operation = MODELS.operation("s3", "PutBucketPolicy")
    asked = {"Bucket": "b", "Policy": "{}", "ChecksumAlgorithm": "FOO"}
    checked = checked_parameters(asked, operation, "rest-xml")
    with pytest.raises(Problem) as caught:
        wire_request(operation, checked, ENDPOINT, TOKEN)
    assert caught.value.code == "call_invalid"


def test_gw_02_a_checksum_is_sent_only_where_the_operation_requires_one():
    def checksums(name: str, parameters: dict[str, Any]) -> dict[str, str]:
        operation = MODELS.operation("s3", name)
        made = wire_request(operation, checked_parameters(parameters, operation, "rest-xml"), ENDPOINT, TOKEN)
        return {key: value for key, value in made.headers.items() if "checksum" in key.lower()}

    required = checksums("DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}})
    assert re.fullmatch("[A-Za-z0-9+/]{6}==", required["x-amz-checksum-crc32"])
    assert checksums("PutObject", {"Bucket": "b", "Key": "k", "Body": "eA=="}) == {}


def test_gw_06_the_token_of_a_call_fits_every_operation():
    token = aws_calls._token("c-aaaaaaaaaaaaaa")
    names = [(service, name) for service in MODELS.services() for name in MODELS.operations(service)]
    operations = [MODELS.operation(*each) for each in names]
    members = [
        (f"{operation.service_model.service_name}:{operation.name}", operation.input_shape.members[each].metadata)
        for operation in operations
        for each in operation.idempotent_members
    ]
    assert len(members) > 250
    unfit = [
        name
        for name, limits in members
        if not limits.get("min", 0) <= len(token) <= limits.get("max", len(token))
        # Python's patterns have no surrogates, which stand for characters beyond the basic plane.
        or not re.fullmatch(limits.get("pattern", ".*").replace(r"\uD800\uDC00-\uDBFF\uDFFF", ""), token)
    ]
    assert unfit == []
