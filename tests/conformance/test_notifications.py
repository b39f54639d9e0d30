"""OPS 1: the check of alarms passes only if the notification of the alarm that was set arrives."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.check import CheckFailedError
from conformance.checks import grants
from conformance.checks.notifications import ALARM, alarm_arrives
from conformance.system import ConformanceSystem
from tests.conformance.test_results import system

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"


class Services:
    """CloudWatch, SNS and SQS. Set alarms arrive if `delivers` is true."""

    def __init__(self, *, delivers: bool) -> None:
        self.delivers, self.state, self.messages, self.left = delivers, "ALARM", list[dict[str, Any]](), set[str]()

    def create_queue(self, *, QueueName: str, Attributes: dict[str, str]) -> dict[str, str]:  # noqa: N803 - boto3's
        (statement,) = json.loads(Attributes["Policy"])["Statement"]
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC}}
        self.left |= {QueueName, "subscription"}
        return {"QueueUrl": QueueName}

    def subscribe(self, **named: Any) -> dict[str, str]:
        assert named["TopicArn"] == TOPIC
        return {"SubscriptionArn": "subscription"}

    def set_alarm_state(self, *, AlarmName: str, StateValue: str, **_: str) -> None:  # noqa: N803 - boto3's
        if self.delivers and self.state != StateValue:
            text = {"AlarmName": AlarmName, "NewStateValue": StateValue, "AlarmDescription": "docs/runbooks/a.md#a"}
            self.messages.append({"Body": json.dumps(text)})
        self.state = StateValue

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": self.messages}

    def unsubscribe(self, *, SubscriptionArn: str) -> None:  # noqa: N803 - boto3's
        self.left.remove(SubscriptionArn)

    def delete_queue(self, *, QueueUrl: str) -> None:  # noqa: N803 - boto3's
        self.left.remove(QueueUrl)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def arrives(services: Services) -> Any:
        monkeypatch.setattr(ConformanceSystem, "client", lambda *_, **__: services)
        monkeypatch.setattr(grants.time, "sleep", lambda _: None)
        seconds = iter(range(0, 10_000, 60))
        monkeypatch.setattr(grants.time, "monotonic", lambda: float(next(seconds)))
        return alarm_arrives(replace(system(on_aws=True, folder=tmp_path), outputs={"AlarmTopic": TOPIC}))

    return arrives


def test_ops_01_an_alarm_that_arrives_passes_also_if_it_fired_before(run: Any):
    services = Services(delivers=True)
    assert run(services).facts == {"names_its_runbook": True}
    assert services.left == set()


def test_ops_01_an_alarm_that_does_not_arrive_fails(run: Any):
    services = Services(delivers=False)
    with pytest.raises(CheckFailedError, match="the notification of an alarm"):
        run(services)
    assert services.left == set()


@pytest.mark.xdist_group("cdk")
def test_ops_01_the_alarm_of_the_check_exists_and_is_ok_while_nothing_is_wrong():
    from infra.alarms import ALARMS

    (alarm,) = (each for each in ALARMS if f"jitney-{each.name}" == ALARM)
    assert not alarm.when_missing
