"""The notification of an alarm arrives through the encrypted topic."""

import time
from typing import Any

from conformance.check import Observation
from conformance.checks.grants import waited
from conformance.checks.queues import new_name, queue_for
from conformance.system import ConformanceSystem

ALARM = "jitney-RevocationsThrottled"
"""An alarm that is OK while nothing is wrong. CloudWatch notifies only if the state changes."""


def alarm_arrives(system: ConformanceSystem) -> Observation:
    """Return after how many seconds a subscriber of the topic has an alarm that was set by hand.

    The topic's policy and the policy of its key must let CloudWatch publish. If one of them does not, no alarm arrives,
    and nothing else shows it.
    """
    topic = system.outputs["AlarmTopic"]
    sns, cloudwatch = system.client("sns"), system.client("cloudwatch")
    with queue_for(system, new_name(), "sns", topic) as queue:
        subscription = sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue.arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        try:
            for state in ("OK", "ALARM"):
                cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="conformance")
            began = time.monotonic()
            message = waited(
                lambda: next(filter(_is_wanted, queue.received()), None), "the notification of an alarm that was set"
            )
        finally:
            sns.unsubscribe(SubscriptionArn=subscription)
    facts = {"names_its_runbook": "docs/runbooks/" in str(message.get("AlarmDescription"))}
    return Observation(facts, {"arrived_after_seconds": round(time.monotonic() - began)})


def _is_wanted(message: dict[str, Any]) -> bool:
    return (message.get("AlarmName"), message.get("NewStateValue")) == (ALARM, "ALARM")
