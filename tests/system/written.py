"""Everything that a local system has written, sent or shown anywhere, as text: what is looked for secrets in."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from botocore.exceptions import ClientError

from tests.running_systems import PATIENCE


def everything_written(aws: Any, stack: dict[str, Any]) -> Iterator[str]:
    """The texts of all tables, objects' versions, logs, metrics, executions, mails and Slack messages.

    And of the messages that are in queues at that moment; what was taken out before is not seen any more.
    """
    for sink in (_tables, _buckets, _logs, _metrics, _executions, _parameters):
        yield from sink(aws)
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client.get(f"{stack['mailbox_url']}/messages").raise_for_status().text
        yield client.get(f"{stack['slack_url']}/messages").raise_for_status().text
        # Those that are delayed or in flight, too. To receive them would keep them from whom they are for, and count.
        yield client.get(f"{stack['aws_endpoint']}/_ministack/sqs/messages").raise_for_status().text


def log_groups(aws: Any) -> list[str]:
    """The names of all log groups."""
    pages = aws("logs").get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def logged(aws: Any, group: str) -> Iterator[str]:
    """The messages of a log group."""
    for page in aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
        yield from (event["message"] for event in page["events"])


def _tables(aws: Any) -> Iterator[str]:
    client = aws("dynamodb")
    for page in client.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            for items in client.get_paginator("scan").paginate(TableName=table):
                yield json.dumps(items["Items"], default=str)


def _buckets(aws: Any) -> Iterator[str]:
    """Every version of every object, of those that were deleted, too."""
    client = aws("s3")
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for each in page.get("Versions", []):
                yield each["Key"]
                named = {"Bucket": bucket["Name"], "Key": each["Key"], "VersionId": each["VersionId"]}
                try:
                    body = client.get_object(**named)["Body"].read()
                except ClientError as error:  # another test has put it there, and taken it away since
                    if error.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchVersion"}:
                        raise
                    continue
                yield body.decode("latin-1")


def _logs(aws: Any) -> Iterator[str]:
    for group in log_groups(aws):
        yield from logged(aws, group)


def _metrics(aws: Any) -> Iterator[str]:
    for page in aws("cloudwatch").get_paginator("list_metrics").paginate():
        yield json.dumps(page["Metrics"], default=str)


def _executions(aws: Any) -> Iterator[str]:
    client = aws("stepfunctions")
    for machines in client.get_paginator("list_state_machines").paginate():
        for machine in machines["stateMachines"]:
            listed = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
            for arn in (execution["executionArn"] for page in listed for execution in page["executions"]):
                yield json.dumps(client.describe_execution(executionArn=arn), default=str)
                for history in client.get_paginator("get_execution_history").paginate(executionArn=arn):
                    yield json.dumps(history["events"], default=str)


def _parameters(aws: Any) -> Iterator[str]:
    """The environments of the functions: what stands there is for anybody to read who may list functions."""
    for page in aws("lambda").get_paginator("list_functions").paginate():
        yield json.dumps(page["Functions"], default=str)
