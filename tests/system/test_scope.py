"""The session policy in IAM: generated probes around a request, each evaluated by the emulator."""

import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.conftest import Api

KEYS = (
    "2026/q3.csv",
    "2026/q4.csv",
    "2026/a/b/c",
    "2026/",
    "2026",
    "2025/q4.csv",
    "2026x/q3.csv",
    "x/2026/q3.csv",
    "secret/salaries.csv",
    "*",
)
BUCKETS = ("reports", "reports-archive", "report")
TABLES = ("orders", "orders2", "order", "customers")

PERMISSIONS = [
    {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]},
    {"actions": ["s3:ListBucket"], "resources": ["arn:aws:s3:::reports"]},
    {
        "actions": ["dynamodb:GetItem", "dynamodb:Query"],
        "resources": ["arn:aws:dynamodb:eu-west-1:444455556666:table/orders"],
    },
]
GRANTED = {
    "s3:GetObject": lambda arn: arn.startswith("arn:aws:s3:::reports/2026/"),
    "s3:ListBucket": lambda arn: arn == "arn:aws:s3:::reports",
    "dynamodb:GetItem": lambda arn: arn == "arn:aws:dynamodb:eu-west-1:444455556666:table/orders",
    "dynamodb:Query": lambda arn: arn == "arn:aws:dynamodb:eu-west-1:444455556666:table/orders",
}
S3_OBJECT = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectTagging",
    "s3:GetObjectAcl",
    "s3:PutObjectTagging",
)
S3_BUCKET = ("s3:ListBucket", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucket", "s3:GetBucketTagging")
DYNAMODB = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
)


def probes() -> list[tuple[str, str]]:
    objects = [f"arn:aws:s3:::{bucket}/{key}" for bucket in BUCKETS for key in KEYS]
    buckets = [f"arn:aws:s3:::{bucket}" for bucket in BUCKETS]
    tables = [
        f"arn:aws:dynamodb:{region}:{account}:table/{name}"
        for region in ("eu-west-1", "us-east-1")
        for account in ("444455556666", "111122223333")
        for name in TABLES
    ]
    return [
        *itertools.product(S3_OBJECT, objects),
        *itertools.product(S3_BUCKET, buckets),
        *itertools.product(DYNAMODB, tables),
    ]


def granted(action: str, arn: str) -> bool:
    return GRANTED.get(action, lambda _: False)(arn)


def wrong(iam: Any, policy: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the probes that IAM decides differently under `policy` than requested."""
    return [(action, arn) for action, arn in probes() if simulate(iam, policy, action, arn) != granted(action, arn)]


@pytest.fixture(scope="module")
def policy(api: Api) -> dict[str, Any]:
    body = {"target": "analytics-prod", "permissions": PERMISSIONS, "duration_seconds": 900, "reason": "monthly report"}
    answer = api("POST", "/v1/decisions", body).json()
    assert answer["effect"] == "allow", answer
    return answer["session_policy"]


def test_sts_01_iam_allows_what_was_asked_and_nothing_around_it(policy, aws):
    assert len(probes()) >= 300
    assert sum(granted(action, arn) for action, arn in probes()) >= 5
    assert wrong(aws("iam"), policy) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("s3:GetObject", "s3:Get*"),
        ("reports/2026/*", "reports/2026*"),
        ("table/orders", "table/orders*"),
        ("Query", "Scan"),
    ],
)
def test_sts_01_the_probes_notice_a_policy_that_is_not_exact(policy, aws, was: str, becomes: str):
    planted = json.dumps(policy).replace(was, becomes)
    assert planted != json.dumps(policy)
    assert wrong(aws("iam"), json.loads(planted))


def simulate(iam: Any, policy: dict[str, Any], action: str, arn: str) -> bool:
    result = iam.simulate_custom_policy(PolicyInputList=[json.dumps(policy)], ActionNames=[action], ResourceArns=[arn])[
        "EvaluationResults"
    ][0]
    return bool(result["EvalDecision"] == "allowed")


CALLS = {
    ("s3:GetObject", "2026/q3.csv"): lambda s: s("s3").get_object(Bucket="reports", Key="2026/q3.csv")["Body"].read(),
    ("s3:GetObject", "2025/q4.csv"): lambda s: s("s3").get_object(Bucket="reports", Key="2025/q4.csv")["Body"].read(),
    ("s3:GetObject", "secret"): lambda s: (
        s("s3").get_object(Bucket="reports", Key="secret/salaries.csv")["Body"].read()
    ),
    ("s3:PutObject", "2026/q3.csv"): lambda s: s("s3").put_object(Bucket="reports", Key="2026/q3.csv", Body=b""),
    ("s3:DeleteObject", "2026/q3.csv"): lambda s: s("s3").delete_object(Bucket="reports", Key="2026/q3.csv"),
    ("s3:ListBucket", "reports"): lambda s: s("s3").list_objects_v2(Bucket="reports"),
    ("dynamodb:GetItem", "orders"): lambda s: s("dynamodb").get_item(TableName="orders", Key={"id": {"S": "1"}}),
    ("dynamodb:Scan", "orders"): lambda s: s("dynamodb").scan(TableName="orders"),
    ("dynamodb:DeleteTable", "orders"): lambda s: s("dynamodb").delete_table(TableName="orders"),
    ("sts:AssumeRole", "itself"): lambda s: s("sts").assume_role(
        RoleArn="arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod", RoleSessionName="more"
    ),
    ("iam:CreateUser", "me"): lambda s: s("iam").create_user(UserName="me"),
    ("iam:PutRolePolicy", "itself"): lambda s: s("iam").put_role_policy(
        RoleName="jitney-target-analytics-prod", PolicyName="more", PolicyDocument="{}"
    ),
}
WORK = {("s3:GetObject", "2026/q3.csv"), ("s3:ListBucket", "reports"), ("dynamodb:GetItem", "orders")}
DENIALS = {"AccessDenied", "AccessDeniedException"}


@pytest.fixture(scope="module")
def session(api: Api, agent_session):
    return agent_session(api.ask(permissions=PERMISSIONS)["credentials"])


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_sts_01_the_session_itself_can_do_no_more(session, call):
    if call in WORK:
        CALLS[call](session)
    else:
        with pytest.raises(ClientError) as raised:
            CALLS[call](session)
        assert raised.value.response["Error"]["Code"] in DENIALS
