"""Step Functions: a task may do what the state machine's role may do. One contract test for each gap."""

import json
from typing import Any

import pytest

from local.settings import REGION
from tests.local.gaps.contracts import Emulator
from tests.local.gaps.workflows import Workflow, asking

PREFIX = "arn:aws:states:::"
KEY = {"pk": {"S": "one"}}
CALLS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "dynamodb:putItem": (
        "dynamodb:PutItem",
        {"TableName": "table", "Item": KEY},
        "dynamodb:{}:table/table",
        "DynamoDB",
    ),
    "aws-sdk:dynamodb:getItem": (
        "dynamodb:GetItem",
        {"TableName": "table", "Key": KEY},
        "dynamodb:{}:table/table",
        "DynamoDb",
    ),
    "aws-sdk:sqs:getQueueAttributes": (
        "sqs:GetQueueAttributes",
        {"QueueUrl": "{queue}", "AttributeNames": ["All"]},
        "sqs:{}:queue",
        "Sqs",
    ),
    "sqs:sendMessage": ("sqs:SendMessage", {"QueueUrl": "{queue}", "MessageBody": "hello"}, "sqs:{}:queue", "SQS"),
    "sns:publish": ("sns:Publish", {"TopicArn": "arn:aws:sns:{}:topic", "Message": "hello"}, "sns:{}:topic", "SNS"),
    "events:putEvents": (
        "events:PutEvents",
        {"Entries": [{"Source": "jitney", "DetailType": "test", "Detail": {}, "EventBusName": "default"}]},
        "events:{}:event-bus/default",
        "EventBridge",
    ),
    "lambda:invoke": (
        "lambda:InvokeFunction",
        {"FunctionName": "ask", "Payload": {}},
        "lambda:{}:function:ask",
        "Lambda",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_tasks_use_the_role(emulator: Emulator, call: str) -> None:
    """The task may do what the role allows.

    If the role allows it only elsewhere, the task fails, and the state can catch it.
    """
    action, arguments, on, error = CALLS[call]
    scope = f"{REGION}:{emulator.account}"
    _make_all(emulator)
    queue = emulator.root("sqs").get_queue_url(QueueName="queue")["QueueUrl"]
    given = json.loads(json.dumps(arguments).replace("{queue}", queue).replace("sns:{}", f"sns:{scope}"))
    task = {"Type": "Task", "Resource": PREFIX + call, "Arguments": given, "End": True}
    resource = f"arn:aws:{on.format(scope)}"
    may = Workflow(emulator, {"Call": task}, {"Statement": _allow(action, resource)}).run()
    assert may["status"] == "SUCCEEDED", may.get("cause")
    must_not = Workflow(emulator, {"Call": task}, {"Statement": _allow(action, f"{resource}-other")}).run()
    assert must_not["status"] == "FAILED", must_not
    assert must_not["error"].startswith(f"{error}.")
    assert f"is not authorized to perform: {action} on resource: {resource}" in must_not["cause"]


def _allow(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _make_all(emulator: Emulator) -> None:
    emulator.root("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    emulator.root("sqs").create_queue(QueueName="queue")
    emulator.root("sns").create_topic(Name="topic")
    asking(emulator)
