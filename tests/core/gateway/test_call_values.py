"""The values of condition keys that the parameters of a call determine."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jitney import resources
from jitney.core.access.conditions import conditions_of, conditions_view
from jitney.core.access.request import ExplainedAction, Permission
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.parser import read_object
from jitney.core.gateway.call_values import READ_KEYS, with_call_values
from jitney.core.gateway.inside_grant import require_inside
from jitney.core.problems import Problem
from tests.fakes import ACTIONS, GRANT

OPERATIONS = OperationTable.load(resources.OPERATIONS.read_bytes())
HERE = AwsLocation("aws", "eu-west-1", "444455556666")
RUN: dict[str, Any] = {"ImageId": "ami-0abcdef1234567890", "MinCount": 1, "MaxCount": 1}
DATABASE: dict[str, Any] = {"DBInstanceIdentifier": "x", "Engine": "mysql"}


def needed(service: str, operation: str, **parameters: Any) -> tuple[ExplainedAction, ...]:
    call = {"service": service, "operation": operation, "parameters": parameters}
    explained = explain_call(read_object(call, OPERATIONS), HERE)
    return with_call_values(explained, service, operation, parameters, ACTIONS)


def values(explained: tuple[ExplainedAction, ...]) -> dict[str, list[str]]:
    return {key: found for each in explained for key, found in conditions_view(each.conditions).items()}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        (
            "s3",
            "ListObjectsV2",
            {"Bucket": "b", "Prefix": "a/", "MaxKeys": 5, "Delimiter": "/"},
            {"s3:prefix": ["a/"], "s3:max-keys": ["5"], "s3:delimiter": ["/"]},
        ),
        ("s3", "ListObjectsV2", {"Bucket": "b", "MaxKeys": 0}, {"s3:max-keys": ["0"]}),
        ("s3", "ListObjectsV2", {"Bucket": "b", "MaxKeys": -1}, {}),
        ("s3", "ListObjectsV2", {"Bucket": "b", "MaxKeys": True}, {}),
        ("s3", "ListObjectsV2", {"Bucket": "b", "Delimiter": "*"}, {}),
        ("s3", "ListObjectsV2", {"Bucket": "b", "Delimiter": "${aws:username}"}, {}),
        ("ec2", "RunInstances", RUN | {"InstanceType": "t3.micro"}, {"ec2:InstanceType": ["t3.micro"]}),
        ("ec2", "RunInstances", RUN, {}),
        ("ec2", "RunInstances", RUN | {"InstanceType": "t3.*"}, {}),
        (
            "ec2",
            "CreateVolume",
            {"AvailabilityZone": "eu-west-1a", "Size": 10, "Iops": 300},
            {"ec2:VolumeSize": ["10"], "ec2:VolumeIops": ["300"]},
        ),
        (
            "rds",
            "CreateDBInstance",
            DATABASE | {"DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20},
            {"rds:DatabaseClass": ["db.t3.micro"], "rds:StorageSize": ["20"]},
        ),
        ("s3", "GetObject", {"Bucket": "b", "Key": "MaxKeys"}, {}),
    ],
)
def test_gw_04_the_parameters_of_a_call_determine_its_values(service, operation, parameters, expected):
    assert values(needed(service, operation, **parameters)) == expected


def test_gw_04_a_value_limits_only_the_resources_whose_calls_carry_it():
    found = needed("ec2", "RunInstances", **RUN, InstanceType="t3.micro")
    limited = {arn for each in found if each.conditions for arn in each.resources}
    assert limited == {"arn:aws:ec2:eu-west-1:444455556666:instance/*"}
    plain = explain_call(
        read_object({"service": "ec2", "operation": "RunInstances", "parameters": RUN}, OPERATIONS), HERE
    )
    assert sorted(arn for each in found for arn in each.resources) == sorted(plain[0].resources)
    assert [each.may_need for each in found if each.may_need] == [plain[0].may_need][: bool(plain[0].may_need)]


@pytest.mark.parametrize(("kind", "covered"), [("t3.micro", True), ("m5.large", False), (None, False)])
def test_gw_03_a_grant_that_limits_a_key_covers_the_calls_with_its_values(kind, covered):
    everything = ("arn:aws:ec2:*:*:image/*", "arn:aws:ec2:*::image/*", "arn:aws:ec2:*:444455556666:*/*")
    rest = tuple(
        f"arn:aws:ec2:eu-west-1:444455556666:{name}/*"
        for name in ("volume", "network-interface", "subnet", "security-group")
    )
    small = conditions_of({"ec2:InstanceType": ["t3.*"]})
    grant = replace(
        GRANT,
        permissions=(
            Permission(("ec2:RunInstances",), (*everything[:2], *rest)),
            Permission(("ec2:RunInstances",), ("arn:aws:ec2:eu-west-1:444455556666:instance/*",), small),
        ),
    )
    call = needed("ec2", "RunInstances", **RUN, **({"InstanceType": kind} if kind else {}))
    if covered:
        assert require_inside(call, grant, ACTIONS).permissions
        return
    with pytest.raises(Problem) as raised:
        require_inside(call, grant, ACTIONS)
    assert raised.value.code == "call_outside_grant"


def test_gw_04_the_page_lists_the_keys_whose_values_calls_have() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gateway-policies.md").read_text(encoding="utf-8")
    listed = page.partition("Jitney reads the values of ")[2].partition(" from the parameters")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == READ_KEYS
