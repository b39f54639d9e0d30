"""Everything that a local system has written, sent or shown anywhere, as text. Tests search it for secrets."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from botocore.exceptions import ClientError

from tests.running_systems import PATIENCE


def everything_written(aws: Any, stack: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of all tables, objects' versions, logs, metrics, executions, mails and Slack messages.

    Messages that are in queues at that moment are included. Messages that were taken out before are not.
    """
    for sink in (_tables, _buckets, _logs, _metrics, _executions, _parameters):
        yield from sink(aws)
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client.get(f"{stack['mailbox_url']}/messages").raise_for_status().text
        yield client.get(f"{stack['slack_url']}/messages").raise_for_status().text
        # Those that are delayed or in flight, too. To receive them would keep them from whom they are for, and count.
        yield client.get(f"{stack['aws_endpoint']}/_ministack/sqs/messages").raise_for_status().text


def log_groups(aws: Any) -> list[str]:
    """Return the names of all log groups."""
    pages = aws("logs").get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def logged(aws: Any, group: str) -> Iterator[str]:
    """Yield the messages of a log group."""
    for page in aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
        yield from (event["message"] for event in page["events"])


def _tables(aws: Any) -> Iterator[str]:
    client = aws("dynamodb")
    for page in client.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            for items in client.get_paginator("scan").paginate(TableName=table):
                yield json.dumps(items["Items"], default=str)


def _buckets(aws: Any) -> Iterator[str]:
    """Yield every version of every object, also of deleted ones."""
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
    """Yield the environments of the functions. Every principal that may list functions can read them."""
    for page in aws("lambda").get_paginator("list_functions").paginate():
        yield json.dumps(page["Functions"], default=str)
