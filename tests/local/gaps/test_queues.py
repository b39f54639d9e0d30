"""SQS: a flood of one message group does not delay the messages of others."""

import json

import pytest

from tests.local.gaps.contracts import Emulator

pytestmark = pytest.mark.slow


def test_fair_queues(emulator: Emulator) -> None:
    sqs, events = emulator.root("sqs"), emulator.root("events")
    url = sqs.create_queue(QueueName="fair")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="fair", EventPattern=json.dumps({"source": ["my.app"]}), State="ENABLED")
    group = {"MessageGroupId": "$.detail.session.id"}
    events.put_targets(Rule="fair", Targets=[{"Id": "1", "Arn": arn, "SqsParameters": group}])
    for session in ["noisy"] * 30 + ["quiet"]:
        detail = json.dumps({"session": {"id": session}})
        events.put_events(Entries=[{"Source": "my.app", "DetailType": "t", "Detail": detail}])
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"detail": {"session": {"id": "sent"}}}), MessageGroupId="s")

    def held() -> int:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    emulator.until(lambda: held() == 32)
    seen = []
    for _ in range(4):
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        seen.append([json.loads(each["Body"])["detail"]["session"]["id"] for each in messages])
    assert {"quiet", "sent"} <= set(seen[0])
    assert sorted(session for batch in seen for session in batch) == ["noisy"] * 30 + ["quiet", "sent"]
