"""What the SDK sends for what a program gives a botocore client."""

import io
import json
from typing import Any

import pytest

from jitney.core.gateway.parameters import checked_parameters
from jitney.sdk.sent_parameters import read_stream, sent_parameters
from tests.client.gateway.aws_behind import MODELS
from tests.client.gateway.generated_calls import Generator
from tests.examples import sample

OPERATIONS = [(service, name) for service in MODELS.services() for name in MODELS.operations(service)]


def test_gw_02_the_broker_reads_what_botocore_would_have_serialized():
    different = set()
    for service, name in sample(OPERATIONS):
        operation = MODELS.operation(service, name)
        protocol = operation.service_model.resolved_protocol
        made = Generator(f"{service}.{name}.1", protocol).value(operation.input_shape) if operation.input_shape else {}
        given = checked_parameters(json.loads(json.dumps(made)), operation, protocol)
        sent = json.loads(json.dumps(sent_parameters(given, operation)))
        if checked_parameters(sent, operation, protocol) != given:
            different.add((service, name))
    assert different == set()


@pytest.mark.parametrize(
    ("service", "name", "given", "sent"),
    [
        ("ec2", "DescribeInstances", {"Filters": [], "InstanceIds": ("i-1",)}, {"InstanceIds": ["i-1"]}),
        ("lambda", "ListFunctions", {"MaxItems": 1, "Marker": ""}, {"MaxItems": 1, "Marker": ""}),
        ("dynamodb", "GetItem", {"Key": {"id": {"B": b"\xff"}}}, {"Key": {"id": {"B": "/w=="}}}),
        ("dynamodb", "GetItem", {"Key": {}}, {"Key": {}}),
        ("kms", "Encrypt", {"Plaintext": "text"}, {"Plaintext": "dGV4dA=="}),
        ("kms", "Encrypt", {"Plaintext": 1, "Unknown": [1]}, {"Plaintext": 1, "Unknown": [1]}),
        (
            "cloudtrail",
            "LookupEvents",
            {"StartTime": "2026-01-02"},
            {"StartTime": "2026-01-02T00:00:00+00:00"},
        ),
        ("cloudtrail", "LookupEvents", {"StartTime": "soon"}, {"StartTime": "soon"}),
        ("dynamodb", "GetItem", {"Key": "k", "AttributesToGet": "a"}, {"Key": "k", "AttributesToGet": "a"}),
    ],
)
def test_gw_02_values_are_sent_as_the_api_takes_them(service: str, name: str, given: Any, sent: Any):
    assert sent_parameters(given, MODELS.operation(service, name)) == sent


def test_gw_02_a_file_is_read_once_and_its_bytes_are_sent():
    shape = MODELS.operation("s3", "PutObject").input_shape
    given: dict[str, Any] = {"Bucket": "b", "Key": "k", "Body": io.BytesIO(b"content")}
    assert read_stream(given, shape) == b"content"
    assert given["Body"] == b"content"
    assert [read_stream({"Body": each}, shape) for each in ("é", bytearray(b"x"))] == ["é".encode(), b"x"]
    assert read_stream({"Bucket": "b"}, shape) == read_stream({}, None) == b""
