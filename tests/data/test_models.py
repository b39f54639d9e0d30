"""The checked-in table of AWS's models."""

import json
import re

import botocore.session
import pytest

from data import models
from jitney.adapters.aws_models import AwsModels
from jitney.core.calls.operations import OperationTable
from jitney.core.problems import Problem
from jitney.resources import MODELS, OPERATIONS

OPERATION_TABLE = OperationTable.load(OPERATIONS.read_bytes())
CHECKED_IN = AwsModels.load(MODELS.read_bytes())
LEAST = 5786
"""Supported operations; raise it when there are more."""


@pytest.mark.slow
def test_it_is_what_make_data_builds_for_the_services_of_the_operation_table():
    assert models.encode(OPERATION_TABLE.services()) == MODELS.read_bytes()


def test_gw_11_every_operation_is_supported_or_refused_with_a_reason():
    supported = 0
    for service in CHECKED_IN.services():
        names = set(CHECKED_IN.operations(service))
        supported += len(names)
        for name in set(OPERATION_TABLE.service(service).names()) - names:
            with pytest.raises(Problem) as caught:
                CHECKED_IN.operation(service, name)
            assert caught.value.code == "call_unsupported"
            assert caught.value.fix.startswith("Request credentials")
    assert supported >= LEAST


@pytest.mark.parametrize(
    ("service", "name", "reason"),
    [
        ("bedrock-runtime", "ConverseStream", "streams events"),
        ("logs", "StartLiveTail", "streams events"),
        ("cognito-idp", "SignUp", "signed"),
    ],
)
def test_gw_11_why_an_operation_is_not_supported(service: str, name: str, reason: str):
    with pytest.raises(Problem, match=reason):
        CHECKED_IN.operation(service, name)


def test_gw_11_unknown_names_get_suggestions():
    with pytest.raises(Problem) as caught:
        CHECKED_IN.operation("s3", "GetObjekt")
    assert (caught.value.code, caught.value.extras["alternatives"][0]) == ("operation_unknown", "GetObject")
    with pytest.raises(Problem, match="no AWS service 's4'"):
        CHECKED_IN.operation("s4", "GetObject")


def test_gw_11_what_only_a_multi_region_endpoint_takes_is_no_member():
    """It takes signatures of version 4A."""
    assert "EndpointId" not in CHECKED_IN.operation("events", "PutEvents").input_shape.members


def test_it_has_no_texts_for_people():
    """A shape can have a member of the name "documentation", as API Gateway's have."""
    shape = CHECKED_IN.operation("s3", "GetObject").input_shape
    assert "documentation" not in json.dumps(shape._shape_model)
    assert not shape.members["Bucket"].documentation


def test_another_file_is_no_table():
    with pytest.raises(ValueError, match="not a table of models"):
        AwsModels.load(OPERATIONS.read_bytes())


PARTITIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


@pytest.mark.parametrize("service", CHECKED_IN.services())
def test_gw_02_no_endpoint_comes_from_a_parameter(service: str):
    for name in CHECKED_IN.operations(service):
        operation = CHECKED_IN.operation(service, name)
        assert "{" not in (operation.endpoint or {}).get("hostPrefix", "")
        url = CHECKED_IN.endpoint(operation, "aws", "eu-west-1", "444455556666").url
        assert re.fullmatch(r"https://[a-z0-9.-]+\.(amazonaws\.com|api\.aws)", url), url


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("service", ["iam", "sts", "dynamodb", "sqs", "route53", "lambda", "kms"])
def test_gw_02_the_endpoint_is_the_one_of_botocores_client(service: str, partition: str):
    region = PARTITIONS[partition]
    made = botocore.session.Session().create_client(
        service, region, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="any"
    )
    operation = CHECKED_IN.operation(service, CHECKED_IN.operations(service)[0])
    found = CHECKED_IN.endpoint(operation, partition, region, "444455556666")
    assert made.meta.endpoint_url == found.url


def test_gw_02_an_unknown_region_gets_a_suggestion():
    operation = CHECKED_IN.operation("s3", "GetObject")
    for region in ("eu-west-9", "cn-north-1", "evil.example.com/", ""):
        with pytest.raises(Problem) as caught:
            CHECKED_IN.endpoint(operation, "aws", region, "444455556666")
        assert caught.value.code == "call_invalid"
