"""Everything that a local system has written, sent or shown anywhere, as text. Tests search it for secrets."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from botocore.exceptions import ClientError

from jitney.core.compressed_text import decompress_text
from tests.running_systems import PATIENCE, until

_CLOCKS_SECONDS = 2
"""The emulator's times are in whole seconds."""


def everything_written(aws: Any, stack: dict[str, Any], since: float) -> Iterator[str]:
    """Yield the texts of all tables, objects' versions, logs, metrics, executions, mails and Slack messages.

    Objects, logs and executions are those since `since`, in seconds since 1970: the whole run's would take a minute.
    Messages that are in queues at that moment are included. Messages that were taken out before are not.
    """
    since -= _CLOCKS_SECONDS
    yield from _tables(aws)
    yield from _buckets(aws, since)
    yield from _logs(aws, since)
    yield from _metrics(aws)
    yield from _executions(aws, since)
    yield from _parameters(aws)
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client.get(f"{stack['mailbox_url']}/messages").raise_for_status().text
        yield client.get(f"{stack['slack_url']}/messages").raise_for_status().text
        # Those that are delayed or in flight, too. To receive them would hide them from their reader, and count.
        yield client.get(f"{stack['aws_endpoint']}/_ministack/sqs/messages").raise_for_status().text


def log_groups(aws: Any) -> list[str]:
    """Return the names of all log groups. The emulator fails when a function begins to log during the read."""
    found: list[str] = []

    def read() -> bool:
        try:
            pages = list(aws("logs").get_paginator("describe_log_groups").paginate())
        except ClientError as error:
            if error.response["Error"]["Code"] != "InternalError":
                raise
            return False
        found.extend(group["logGroupName"] for page in pages for group in page["logGroups"])
        return True

    until(read)
    return found


def logged(aws: Any, group: str, since: float = 0.0) -> Iterator[str]:
    """Yield the messages of a log group since a time, in seconds since 1970."""
    pages = aws("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=group, startTime=int(since * 1000)):
        yield from (event["message"] for event in page["events"])


def _tables(aws: Any) -> Iterator[str]:
    client = aws("dynamodb")
    for page in client.get_paginator("list_tables").paginate():
        for table in page["TableNames"]:
            for items in client.get_paginator("scan").paginate(TableName=table):
                yield json.dumps(items["Items"], default=_readable)


def _readable(value: Any) -> str:
    """Return a value without a form in JSON: the text in compressed bytes, such as a grant's terms."""
    return (decompress_text(value) if isinstance(value, bytes) else "") or str(value)


def _buckets(aws: Any, since: float) -> Iterator[str]:
    """Yield every version of every object, also of deleted ones."""
    client = aws("s3")
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for each in page.get("Versions", []):
                yield each["Key"]
                if each["LastModified"].timestamp() < since:
                    continue
                named = {"Bucket": bucket["Name"], "Key": each["Key"], "VersionId": each["VersionId"]}
                try:
                    yield client.get_object(**named)["Body"].read().decode("latin-1")
                except ClientError as error:  # another test has put it there, and taken it away since
                    if error.response["Error"]["Code"] not in {"NoSuchKey", "NoSuchVersion"}:
                        raise


def _logs(aws: Any, since: float) -> Iterator[str]:
    for group in log_groups(aws):
        yield from logged(aws, group, since)


def _metrics(aws: Any) -> Iterator[str]:
    for page in aws("cloudwatch").get_paginator("list_metrics").paginate():
        yield json.dumps(page["Metrics"], default=str)


def _executions(aws: Any, since: float) -> Iterator[str]:
    client = aws("stepfunctions")
    for machines in client.get_paginator("list_state_machines").paginate():
        for machine in machines["stateMachines"]:
            listed = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
            executions = (each for page in listed for each in page["executions"])
            for arn in (each["executionArn"] for each in executions if each["startDate"].timestamp() >= since):
                yield json.dumps(client.describe_execution(executionArn=arn), default=str)
                for history in client.get_paginator("get_execution_history").paginate(executionArn=arn):
                    yield json.dumps(history["events"], default=str)


def _parameters(aws: Any) -> Iterator[str]:
    """Yield the environments of the functions. Every principal that may list functions can read them."""
    for page in aws("lambda").get_paginator("list_functions").paginate():
        yield json.dumps(page["Functions"], default=str)
