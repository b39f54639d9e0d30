"""Each operation as botocore's client sends it: parsed, checked and serialized again, it is the same request (GW 2)."""

import json
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError
from botocore.model import OperationModel

from jitney.adapters.wire_requests import wire_request
from jitney.client.gateway.environment import SHARED_PATHS
from jitney.client.gateway.own_addresses import without_worthless_url
from jitney.client.gateway.received import plain_body
from jitney.client.gateway.signature import SignatureCheck
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.problems import ClientProblem
from jitney.core.gateway.parameters import checked_parameters
from jitney.core.problems import Problem
from tests.client.gateway.aws_behind import MODELS
from tests.client.gateway.conftest import PARSER
from tests.client.gateway.generated_calls import ENDPOINT, KEYS, Generator, filled, parts, received, sent
from tests.examples import sample

TOKEN = "00000000-0000-4000-8000-000000000000"
CHECK = SignatureCheck(KEYS, time.time)
SEEDS = (0, 1)
COMPARED = {"content-type", "x-amz-target", "accept", "x-amzn-query-mode", "content-md5", "content-encoding"}
"""Headers that do not name the client. Those of parameters are compared, too."""

# The wire of these operations is the one of their successors, and AWS asks for the same permission.
OLD_NAMES = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}
DIFFERENT = {
    ("ec2", "CopySnapshot"): "PresignedUrl: botocore signs it with the placeholder key, and AWS needs none",
    (
        "s3",
        "PutBucketLifecycle",
    ): "Content-MD5: the successor has no such member, and the broker sends its own checksum",
}
REFUSED = {
    ("s3control", "CreateBucket"): "with an Outpost it is signed for s3-outposts, which the gateway does not sign",
    ("s3", "PutBucketNotification"): "its old members, which the successor does not have",
}
NOT_SENT = ("MissingDependencyException", "FlexibleChecksumError", "EndpointResolutionError", "ParamValidationError")
"""Errors of botocore's client before it sends: checksums that need another package, and invalid generated values."""


def generated(operation: OperationModel, seed: int) -> dict[str, Any]:
    service, protocol = operation.service_model.service_name, operation.service_model.resolved_protocol
    generator = Generator(f"{service}.{operation.name}.{seed}", protocol, only_required=seed == 0)
    asked = generator.value(operation.input_shape) if operation.input_shape else {}
    return filled(operation, checked_parameters(json.loads(json.dumps(asked)), operation, protocol), TOKEN)


def requests(service: str, name: str) -> Iterator[tuple[int, Any]]:
    """Yield what botocore's client sends for an operation, with each seed."""
    operation = MODELS.operation(service, name)
    endpoint = f"{ENDPOINT}/.service/{service}" if service in SHARED_PATHS else ENDPOINT
    for seed in SEEDS:
        options = {"request_checksum_calculation": "when_required"} if seed % 2 == 0 else {}
        try:
            yield seed, sent(service, name, dict(generated(operation, seed)), endpoint, **options)
        except BotoCoreError as error:
            assert type(error).__name__ in NOT_SENT, (service, name)


def parsed(request: Any) -> ParsedCall:
    found = received(request)
    scope = CHECK.scope(found)
    CHECK.verify(found)
    return without_worthless_url(PARSER.parse(plain_body(found), scope), KEYS.access_key_id)


def differences(service: str) -> Iterator[tuple[str, str]]:
    for name in MODELS.operations(service):
        for seed, request in requests(service, name):
            try:
                call = parsed(request)
                protocol = call.operation.service_model.resolved_protocol
                checked = checked_parameters(json.loads(json.dumps(call.parameters)), call.operation, protocol)
            except (ClientProblem, Problem) as problem:
                if (service, name) not in REFUSED:
                    yield f"{name} {seed}", f"refused: {problem.detail}"
                continue
            if (call.service, call.operation.name) != (service, OLD_NAMES.get((service, name), name)):
                yield f"{name} {seed}", f"taken for {call.service} {call.operation.name}"
                continue
            operation = call.operation
            endpoint = f"{ENDPOINT}/.service/{service}" if service in SHARED_PATHS else ENDPOINT
            compared = frozenset(COMPARED | header_names(operation))
            ours = parts(wire_request(operation, checked, endpoint, "another token"), compared)
            theirs = parts(request, compared)
            if ours != theirs and (service, name) not in DIFFERENT:
                yield (
                    f"{name} {seed}",
                    str({each: (ours[each], theirs[each]) for each in ours if ours[each] != theirs[each]}),
                )


def header_names(operation: OperationModel) -> set[str]:
    members = operation.input_shape.members if operation.input_shape else {}
    named = {
        each.serialization.get("name", name).lower()
        for name, each in members.items()
        if each.serialization.get("location") == "header"
    }
    return named | {"x-amz-meta-key-1", "x-amz-meta-key-2"}


@pytest.mark.parametrize("service", sample(sorted(MODELS.services())))
def test_gw_02_a_parsed_call_is_serialized_as_botocores_client_sent_it(service: str):
    assert dict(differences(service)) == {}


def test_gw_02_nearly_every_operation_is_compared():
    """Botocore's client sends no request for a few of the generated values, but one for each operation."""
    silent = {
        (service, name)
        for service in ("s3", "s3control", "ec2", "lambda")
        for name in MODELS.operations(service)
        if not list(requests(service, name))
    }
    assert silent == set()


@pytest.mark.parametrize("service", ["docdb", "neptune"])
def test_gw_02_databases_that_share_the_endpoint_of_rds_are_rds_for_the_gateway(service: str):
    """AWS has one endpoint for all three, and IAM one prefix: what their clients send is a request to RDS."""
    model = botocore.session.Session().get_service_model(service)
    rds = frozenset(MODELS.operations("rds"))
    same = [name for name in model.operation_names if name in rds]
    assert len(same) > 30
    different = set()
    for name in same:
        operation = model.operation_model(name)
        asked = Generator(f"{service}.{name}", "query").value(operation.input_shape)
        checked = checked_parameters(asked, operation, "query")
        request = sent(service, name, dict(checked))
        try:
            call = parsed(request)
            again = checked_parameters(json.loads(json.dumps(call.parameters)), call.operation, "query")
        except (ClientProblem, Problem):  # a member that RDS does not have, or requires
            different.add(name)
            continue
        assert (call.service, call.operation.name) == ("rds", name)
        assert sorted(parts(wire_request(call.operation, again, ENDPOINT, TOKEN), frozenset())["body"].split(b"&")) == (
            sorted(parts(request, frozenset())["body"].split(b"&"))
        )
    assert len(different) <= 3, different
