"""Requests from a call, on the running system: the grant has what the call needs, and IAM enforces it."""

import pytest
from botocore.exceptions import ClientError

from tests.system.conftest import Api

READ = "aws s3 cp s3://reports/2026/q3.csv ."


def asked(*calls):
    return {"target": "analytics-prod", "calls": list(calls), "duration_seconds": 300, "reason": "monthly report"}


def test_one_object_is_granted_for_a_copy_of_it(api: Api, agent_session):
    answer = api("POST", "/v1/grants", asked(READ))
    assert answer.status_code == 201, answer.json()
    (explained,) = answer.json()["explanation"]
    assert explained["resources"] == ["arn:aws:s3:::reports/2026/q3.csv"]
    s3 = agent_session(answer.json()["credentials"])("s3")
    assert s3.get_object(Bucket="reports", Key="2026/q3.csv")["Body"].read()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="reports", Key="2026/q4.csv")


def test_an_operation_of_an_sdk_is_granted_too(api: Api, agent_session):
    parameters = {"TableName": "orders", "Key": {"id": {"S": "1"}}}
    call = {"service": "dynamodb", "operation": "GetItem", "parameters": parameters}
    answer = api("POST", "/v1/grants", asked(call))
    assert answer.status_code == 201, answer.json()
    agent_session(answer.json()["credentials"])("dynamodb").get_item(**parameters)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("aws s3 ls | cat", "call_invalid"),
        ("ls -l", "call_invalid"),
        ("aws s3 ls --endpoint-url http://127.0.0.1", "call_invalid"),
        ("aws dynamodb qury --table-name orders", "operation_unknown"),
        ("aws sqs purge-queue --queue-url https://sqs.eu-west-1.amazonaws.com/999999999999/q", "account_mismatch"),
        ("aws iam create-user --user-name eve", "denied"),
    ],
)
def test_what_cannot_be_granted_says_so(api: Api, line: str, code: str):
    answer = api("POST", "/v1/grants", asked(line))
    assert answer.json()["code"] == code
    assert answer.json()["fix"]
