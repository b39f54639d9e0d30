"""Which CloudTrail events show that events arrive (row OPS 1). No other event may hide that a trail is silent."""

from typing import Any

import pytest

from jitney.core.trail.heartbeat import BROKER as HOME
from jitney.core.trail.heartbeat import heartbeat_of
from tests.cloudtrail_events import ACCOUNT, BROKER, assume_role_event, identity, record
from tests.fakes import NOW

REVOKER = f"arn:aws:iam::{ACCOUNT}:role/jitney/jitney-revoker-analytics-prod"
REVOKERS = {REVOKER: "analytics-prod"}


def revoker_assumed(role: str = REVOKER, **more: Any) -> dict[str, Any]:
    """Return the event of the reconciler's AssumeRole, as the broker's account gets it."""
    event = assume_role_event(1, session="trail-heartbeat", **more)
    event["requestParameters"]["roleArn"] = role
    return event


def revoker_called(name: str = "GetCallerIdentity", role: str = REVOKER, **more: Any) -> dict[str, Any]:
    """Return the event of a call in a session of the revoker."""
    who = identity(session="trail-heartbeat")
    who["sessionContext"]["sessionIssuer"]["arn"] = role
    return record(2, NOW, eventSource="sts.amazonaws.com", eventName=name, userIdentity=who, **more)


def found(event: Any, account: str) -> str | None:
    return heartbeat_of(event, account, BROKER, REVOKERS)


def test_ops_01_each_account_reports_its_own_heartbeat():
    assert found(revoker_assumed(), BROKER) == HOME
    assert found(revoker_called(), ACCOUNT) == "analytics-prod"


@pytest.mark.parametrize(
    ("event", "account"),
    [
        (revoker_assumed(), ACCOUNT),  # a target's copy does not prove the broker's trail
        (revoker_called(), BROKER),
        (revoker_called(), "999988887777"),  # another target's account
        (revoker_assumed(errorCode="AccessDenied"), BROKER),
        (revoker_called(errorCode="AccessDenied"), ACCOUNT),
        (revoker_called(name="GetSessionToken"), ACCOUNT),
        (revoker_called(role=REVOKER.replace("revoker", "other")), ACCOUNT),
        (revoker_assumed(role=REVOKER.replace("revoker", "other")), BROKER),
        (revoker_assumed() | {"eventSource": "iam.amazonaws.com"}, BROKER),
        (revoker_called() | {"eventSource": "iam.amazonaws.com"}, ACCOUNT),
        ({}, ACCOUNT),
        ("", ACCOUNT),
        (revoker_called() | {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "revoker"}}}}, ACCOUNT),
    ],
)
def test_ops_01_no_other_event_hides_a_silent_trail(event: Any, account: str):
    assert found(event, account) is None
