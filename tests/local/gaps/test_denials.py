"""Denials: one contract test for each gap, named after the function that closes it."""

import json

import pytest

from tests.local.gaps.contracts import Emulator, refused, role

pytestmark = pytest.mark.slow

SESSION_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports-*/2026/*"},
        {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"},
    ],
}


def test_session_policies_named(emulator: Emulator) -> None:
    arn = role(emulator, "target")
    issued = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session", Policy=json.dumps(SESSION_POLICY))
    bucket = _bucket(emulator)
    who = f"User: {issued['AssumedRoleUser']['Arn']} is not authorized to perform:"
    s3 = emulator.session("s3", issued["Credentials"])
    message = refused("AccessDenied", s3.get_object, Bucket=bucket, Key="2025/q4.csv")
    why = "because no session policy allows the s3:GetObject action"
    assert message == f'{who} s3:GetObject on resource: "arn:aws:s3:::{bucket}/2025/q4.csv" {why}'
    dynamodb = emulator.session("dynamodb", issued["Credentials"])
    message = refused("AccessDeniedException", dynamodb.describe_table, TableName="orders")
    table = f"arn:aws:dynamodb:eu-west-1:{emulator.account}:table/orders"
    assert message == f"{who} dynamodb:DescribeTable on resource: {table} with an explicit deny in a session policy"


def test_what_the_role_may_not_is_still_its_own_policys_denial(closed_emulator: Emulator) -> None:
    arn = role(closed_emulator, "narrow", {"Statement": {"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}})
    issued = closed_emulator.root("sts").assume_role(
        RoleArn=arn, RoleSessionName="session", Policy=json.dumps(SESSION_POLICY)
    )
    s3 = closed_emulator.session("s3", issued["Credentials"])
    message = refused("AccessDenied", s3.get_object, Bucket=_bucket(closed_emulator), Key="2026/q4.csv")
    assert message.endswith("because no identity-based policy allows the s3:GetObject action")


def _bucket(emulator: Emulator) -> str:
    name = f"reports-{emulator.account}"
    emulator.root("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name
