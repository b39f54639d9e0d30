"""A queue for one check, which receives what a service sends."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from conformance.configuration import MADE
from conformance.system import ConformanceSystem


class CheckQueue(NamedTuple):
    """A queue: its ARN, and a function that returns the next messages, which are JSON."""

    arn: str
    received: Callable[[], list[dict[str, Any]]]


def new_name() -> str:
    """Return a name for what a check creates."""
    return f"{MADE}{uuid.uuid4().hex[:12]}"


@contextmanager
def queue_for(system: ConformanceSystem, name: str, service: str, source_arn: str) -> Iterator[CheckQueue]:
    """Yield a queue to which `service` may send for `source_arn`. It is deleted afterwards."""
    arn = f"arn:{system.partition}:sqs:{system.region}:{system.account}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs = system.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]

    def received() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [json.loads(each["Body"]) for each in answer.get("Messages", [])]

    try:
        yield CheckQueue(arn, received)
    finally:
        sqs.delete_queue(QueueUrl=url)
