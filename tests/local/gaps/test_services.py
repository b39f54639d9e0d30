"""Firehose and streams: one contract test for each gap, named after the function that closes it."""

import json
import uuid
from typing import Any

import pytest

from local.settings import REGION
from tests.local.gaps.contracts import Emulator, deploy, function, role

pytestmark = pytest.mark.slow


def test_delivery_uses_the_role(emulator: Emulator) -> None:
    """If the stream's role may write, it delivers. If the role may only write elsewhere, it does not."""
    bucket = f"delivered-{uuid.uuid4().hex}"
    s3, firehose = emulator.root("s3"), emulator.root("firehose")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, prefix in (("must-not", "elsewhere/"), ("may", "may/")):
        statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/{prefix}*"}
        destination = {
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": role(emulator, name, {"Statement": statement}),
            "Prefix": f"{name}/",
        }
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"{}"})
    delivered = emulator.until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert {entry["Key"].partition("/")[0] for entry in delivered} == {"may"}


def test_execution_parameters(emulator: Emulator) -> None:
    bucket = f"results-{uuid.uuid4().hex}"
    emulator.root("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    athena = emulator.root("athena")
    query = athena.start_query_execution(
        QueryString="SELECT '?' AS a, ? AS b, ? AS c -- ?",
        ExecutionParameters=["'it''s'", "2"],
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/"},
    )["QueryExecutionId"]
    ended = emulator.until(
        lambda: _done(athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])
    )
    assert ended["State"] == "SUCCEEDED", ended
    _, row = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    assert [cell["VarCharValue"] for cell in row["Data"]] == ["?", "it's", "2"]


def _done(status: dict[str, Any]) -> dict[str, Any] | None:
    return None if status["State"] in ("QUEUED", "RUNNING") else status


PARTIAL = """
import json, time
handed_over = []
def handler(event, context):
    numbers = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
    handed_over.append(numbers)
    print("HANDED " + json.dumps(numbers))
    bad = [record for record in event["Records"] if record["dynamodb"]["Keys"]["pk"]["S"] == "3"]
    return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in bad]}
"""


def test_partial_batches(emulator: Emulator) -> None:
    """The records before the failed one are done. The failed one is retried, then reported and skipped."""
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    made = deploy(
        emulator,
        {
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "BillingMode": "PAY_PER_REQUEST",
                    "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue"},
        },
        {
            "Table": {"Ref": "Table"},
            "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]},
            "Queue": queue,
            "Url": {"Ref": "Queue"},
        },
    )
    function(emulator, "publisher", "handler", PARTIAL)
    dynamodb = emulator.root("dynamodb")
    for number in "12345":
        dynamodb.put_item(TableName=made["Table"], Item={"pk": {"S": number}})
    emulator.root("lambda").create_event_source_mapping(
        FunctionName="publisher",
        EventSourceArn=made["Stream"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        BatchSize=3,
        DestinationConfig={"OnFailure": {"Destination": made["Queue"]}},
    )
    sqs = emulator.root("sqs")
    noted = emulator.until(lambda: sqs.receive_message(QueueUrl=made["Url"]).get("Messages"))
    assert json.loads(noted[0]["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    handed = emulator.until(lambda: _handed_over(emulator, "5"))
    assert handed[0] == ["1", "2", "3"]
    assert handed[1][0] == "3"
    assert handed[-1][-1] == "5"
    assert [batch for batch in handed[1:] if "1" in batch or "2" in batch] == []


def _handed_over(emulator: Emulator, last: str) -> list[list[str]] | None:
    """Return what the publisher printed, once it has seen `last`."""
    events = emulator.root("logs").filter_log_events(logGroupName="/aws/lambda/publisher")["events"]
    lines = [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]
    batches = [json.loads(line.partition("HANDED ")[2]) for line in lines if "HANDED " in line]
    return batches if any(last in batch for batch in batches) else None
