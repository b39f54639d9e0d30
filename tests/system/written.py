"""Everything that a local system has written, sent or shown anywhere, as text: what is looked for secrets in."""

import json
from collections.abc import Iterator
from typing import Any

import httpx


def everything_written(aws: Any, stack: dict[str, Any]) -> Iterator[str]:
    """The texts of all tables, buckets, logs, metrics, executions, queues' messages, mails and Slack messages."""
    for sink in (_tables, _buckets, _logs, _metrics, _executions, _parameters):
        yield from sink(aws)
    with httpx.Client(timeout=30, trust_env=False) as client:
        yield client.get(f"{stack['mailbox_url']}/messages").raise_for_status().text
        yield client.get(f"{stack['slack_url']}/messages").raise_for_status().text


def _tables(aws: Any) -> Iterator[str]:
    client = aws("dynamodb")
    for table in client.list_tables()["TableNames"]:
        for page in client.get_paginator("scan").paginate(TableName=table):
            yield json.dumps(page["Items"], default=str)


def _buckets(aws: Any) -> Iterator[str]:
    client = aws("s3")
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for each in page.get("Contents", []):
                yield each["Key"]
                yield client.get_object(Bucket=bucket["Name"], Key=each["Key"])["Body"].read().decode("latin-1")


def _logs(aws: Any) -> Iterator[str]:
    client = aws("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in events["events"])


def _metrics(aws: Any) -> Iterator[str]:
    for page in aws("cloudwatch").get_paginator("list_metrics").paginate():
        yield json.dumps(page["Metrics"], default=str)


def _executions(aws: Any) -> Iterator[str]:
    client = aws("stepfunctions")
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            arn = execution["executionArn"]
            yield json.dumps(client.describe_execution(executionArn=arn), default=str)
            for page in client.get_paginator("get_execution_history").paginate(executionArn=arn):
                yield json.dumps(page["events"], default=str)


def _parameters(aws: Any) -> Iterator[str]:
    """The environments of the functions: what stands there is for anybody to read who may list functions."""
    yield json.dumps(aws("lambda").list_functions()["Functions"], default=str)
