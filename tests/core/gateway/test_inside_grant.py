"""Whether a grant covers a call."""

from dataclasses import replace
from typing import Any

import pytest

from jitney import resources
from jitney.core.access.conditions import conditions_of
from jitney.core.access.request import ExplainedAction, Permission
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.parser import read_object
from jitney.core.gateway.inside_grant import require_inside
from jitney.core.problems import Problem
from tests.fakes import ACTIONS, GRANT

OPERATIONS = OperationTable.load(resources.OPERATIONS.read_bytes())
HERE = AwsLocation("aws", "eu-west-1", "444455556666")
TABLE = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
KEY = "arn:aws:kms:eu-west-1:444455556666:key/11112222-3333-4444-5555-666677778888"


def explained(service: str, operation: str, **parameters: Any) -> tuple[ExplainedAction, ...]:
    call = {"service": service, "operation": operation, "parameters": parameters}
    return explain_call(read_object(call, OPERATIONS), HERE)


def grant_of(*permissions: Permission) -> Any:
    return replace(GRANT, permissions=permissions)


ITEM = {"TableName": "orders", "Key": {"id": {"S": "alice"}}}
LEADING = conditions_of({"dynamodb:LeadingKeys": ["alice"]})
PREFIX = conditions_of({"s3:prefix": ["reports/*"]})

# name: (the call, what the grant holds, whether it covers the call)
CASES: dict[str, tuple[tuple[ExplainedAction, ...], tuple[Permission, ...], bool]] = {
    "the object": (
        explained("s3", "GetObject", Bucket="reports", Key="2026/a"),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
        True,
    ),
    "another object": (
        explained("s3", "GetObject", Bucket="reports", Key="2025/a"),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
        False,
    ),
    "another bucket": (
        explained("s3", "GetObject", Bucket="secrets", Key="2026/a"),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
        False,
    ),
    "a version": (
        explained("s3", "GetObject", Bucket="reports", Key="2026/a", VersionId="v1"),
        (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
        False,
    ),
    "a copy of an escaped name": (
        explained("s3", "CopyObject", Bucket="reports", Key="2026/b", CopySource="reports/2026/a%20b%2B%C3%BC.csv"),
        (
            Permission(("s3:PutObject",), ("arn:aws:s3:::reports/2026/b",)),
            Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/a b+ü.csv",)),
        ),
        True,
    ),
    "a copy of a name that is escaped as a whole": (
        explained("s3", "CopyObject", Bucket="reports", Key="2026/b", CopySource="secrets%2F2026%2Fa"),
        (Permission(("s3:PutObject", "s3:GetObject"), ("arn:aws:s3:::reports/*",)),),
        False,
    ),
    "a copy of a name with an unescaped plus sign, which S3 may read as a space": (
        explained("s3", "CopyObject", Bucket="reports", Key="2026/b", CopySource="reports/2026/a+b"),
        (
            Permission(("s3:PutObject",), ("arn:aws:s3:::reports/2026/b",)),
            Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/a+b",)),
        ),
        False,
    ),
    "a copy without its source": (
        explained("s3", "CopyObject", Bucket="reports", Key="2026/b", CopySource="secrets/a"),
        (Permission(("s3:PutObject", "s3:GetObject"), ("arn:aws:s3:::reports/2026/*",)),),
        False,
    ),
    "each object of a deletion": (
        explained("s3", "DeleteObjects", Bucket="reports", Delete={"Objects": [{"Key": "2026/a"}, {"Key": "2025/a"}]}),
        (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/*",)),),
        False,
    ),
    "an item of the partition": (
        explained("dynamodb", "GetItem", **ITEM),
        (Permission(("dynamodb:GetItem",), (TABLE,), LEADING),),
        True,
    ),
    "an item of another partition": (
        explained("dynamodb", "GetItem", TableName="orders", Key={"id": {"S": "bob"}}),
        (Permission(("dynamodb:GetItem",), (TABLE,), LEADING),),
        False,
    ),
    "a scan of a table that is limited to a partition": (
        explained("dynamodb", "Scan", TableName="orders"),
        (Permission(("dynamodb:Scan",), (TABLE,), LEADING),),
        False,
    ),
    "a longer prefix": (
        explained("s3", "ListObjectsV2", Bucket="reports", Prefix="reports/2026/"),
        (Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",), PREFIX),),
        True,
    ),
    "a whole bucket": (
        explained("s3", "ListObjectsV2", Bucket="reports"),
        (Permission(("s3:ListBucket",), ("arn:aws:s3:::reports",), PREFIX),),
        False,
    ),
    "who am I": (explained("sts", "GetCallerIdentity"), (), True),
}


@pytest.mark.parametrize("case", CASES)
def test_gw_03_only_what_the_grant_covers_is_called(case: str) -> None:
    call, held, covered = CASES[case]
    if covered:
        require_inside(call, grant_of(*held), ACTIONS)
        return
    with pytest.raises(Problem) as refused:
        require_inside(call, grant_of(*held), ACTIONS)
    assert refused.value.code == "call_outside_grant"


def test_gw_03_the_refusal_names_the_smallest_request_that_would_do() -> None:
    call = explained("s3", "CopyObject", Bucket="reports", Key="2026/b", CopySource="archive/a")
    held = Permission(("s3:PutObject", "s3:GetObject"), ("arn:aws:s3:::reports/2026/*",))
    with pytest.raises(Problem) as refused:
        require_inside(call, grant_of(held), ACTIONS)
    assert refused.value.extras["missing"] == [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::archive/a"]}]
    smallest = refused.value.extras["smallest_request"]
    assert (smallest["target"], smallest["way"]) == (GRANT.target, "gateway")
    wider = grant_of(
        *(Permission(tuple(each["actions"]), tuple(each["resources"])) for each in smallest["permissions"])
    )
    require_inside(call, wider, ACTIONS)


def test_gw_03_the_refusal_of_a_batch_names_only_what_the_grant_does_not_cover() -> None:
    objects = [{"Key": "2026/a"}, {"Key": "secret/b"}, {"Key": "2026/c"}]
    call = explained("s3", "DeleteObjects", Bucket="reports", Delete={"Objects": objects})
    held = Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/*",))
    with pytest.raises(Problem) as refused:
        require_inside(call, grant_of(held), ACTIONS)
    outside = "arn:aws:s3:::reports/secret/b"
    assert refused.value.extras["missing"] == [{"actions": ["s3:DeleteObject"], "resources": [outside]}]
    assert f"does not cover s3:DeleteObject on {outside}," in refused.value.detail
    (smallest,) = refused.value.extras["smallest_request"]["permissions"]
    assert len(smallest["resources"]) == len(objects)


def test_gw_03_a_condition_whose_value_no_call_shows_covers_no_call_and_is_named() -> None:
    call = explained("ec2", "StopInstances", InstanceIds=["i-0123456789abcdef0"])
    tagged = conditions_of({"aws:ResourceTag/team": ["payments"]})
    held = Permission(("ec2:StopInstances",), ("arn:aws:ec2:eu-west-1:444455556666:instance/*",), tagged)
    with pytest.raises(Problem) as refused:
        require_inside(call, grant_of(held), ACTIONS)
    assert 'It has ec2:StopInstances only if aws:ResourceTag "team" is "payments".' in refused.value.detail


def test_gw_01_a_session_of_one_call_holds_the_call_and_what_it_may_need() -> None:
    call = explained("s3", "PutObject", Bucket="reports", Key="2026/a")
    held = (
        Permission(("s3:PutObject", "s3:DeleteObject"), ("arn:aws:s3:::reports/2026/*",)),
        Permission(("kms:GenerateDataKey", "kms:ScheduleKeyDeletion"), (KEY,)),
    )
    needs = require_inside(call, grant_of(*held), ACTIONS)
    assert needs.of_session == (
        Permission(("s3:PutObject",), ("arn:aws:s3:::reports/2026/a",)),
        Permission(("kms:GenerateDataKey",), (KEY,)),
    )


@pytest.mark.parametrize(
    ("call", "reads"),
    [
        (explained("s3", "GetObject", Bucket="reports", Key="a"), True),
        (explained("dynamodb", "Query", TableName="orders"), True),
        (explained("s3", "CopyObject", Bucket="reports", Key="b", CopySource="reports/a"), False),
        (explained("secretsmanager", "GetSecretValue", SecretId="db"), False),
        (explained("dynamodb", "DeleteItem", **ITEM), False),
    ],
)
def test_gw_01_calls_that_change_something_or_return_a_secret_are_no_reads(
    call: tuple[ExplainedAction, ...], reads: bool
) -> None:
    everything = Permission(tuple(each.action for each in call), ("*",))
    assert require_inside(call, grant_of(everything), ACTIONS).reads is reads
