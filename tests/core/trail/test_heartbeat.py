"""Which CloudTrail events show that events arrive (row OPS 1). No other event may hide that a trail is silent."""

from typing import Any

import pytest

from jitney.core.trail.heartbeat import BROKER as HOME
from jitney.core.trail.heartbeat import Heartbeat, heartbeat_of
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS
from tests.cloudtrail_events import ACCOUNT, BROKER, assume_role_event, identity, record, stamp
from tests.fakes import NOW

REVOKER = f"arn:aws:iam::{ACCOUNT}:role/jitney/jitney-revoker-analytics-prod"
REVOKERS = {REVOKER: "analytics-prod"}


def revoker_assumed(role: str = REVOKER, **more: Any) -> dict[str, Any]:
    """Return the event of the reconciler's AssumeRole, as the broker's account gets it."""
    event = assume_role_event(1, session="trail-heartbeat", **more)
    event["requestParameters"]["roleArn"] = role
    return event


def revoker_called(name: str = "GetCallerIdentity", role: str = REVOKER, at: int = NOW, **more: Any) -> dict[str, Any]:
    """Return the event of a call in a session of the revoker."""
    who = identity(session="trail-heartbeat")
    who["sessionContext"]["sessionIssuer"]["arn"] = role
    who["arn"] = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/trail-heartbeat"
    return record(2, at, eventSource="sts.amazonaws.com", eventName=name, userIdentity=who, **more)


def found(event: Any, account: str) -> Heartbeat | None:
    return heartbeat_of(event, account, BROKER, REVOKERS, NOW + 300)


def test_ops_01_each_account_reports_its_own_heartbeat():
    assert found(revoker_assumed(), BROKER) == Heartbeat(HOME, NOW)
    assert found(revoker_called(), ACCOUNT) == Heartbeat("analytics-prod", NOW)


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


@pytest.mark.parametrize(("event", "account"), [(revoker_assumed(), BROKER), (revoker_called(), ACCOUNT)])
@pytest.mark.parametrize(
    ("late", "counts"),
    [(0, True), (MAX_EVENT_DELAY_SECONDS, True), (MAX_EVENT_DELAY_SECONDS + 1, False), (7 * 86_400, False)],
)
def test_ops_01_an_old_event_does_not_show_that_events_arrive_now(event: Any, account: str, late: int, counts: bool):
    """A backfill and a redrive send old events. They say nothing about the trail now."""
    assert (heartbeat_of(event, account, BROKER, REVOKERS, NOW + late) is not None) is counts


def test_ops_01_a_heartbeat_is_not_ahead_of_the_clock():
    """Otherwise, a gap would begin after the calls that it hides."""
    event = revoker_called() | {"eventTime": stamp(NOW + 299)}
    assert heartbeat_of(event, ACCOUNT, BROKER, REVOKERS, NOW) == Heartbeat("analytics-prod", NOW)


@pytest.mark.parametrize("time", [stamp(NOW + 301), "soon", "", None])
def test_ops_01_an_event_without_a_credible_time_shows_nothing(time: Any):
    assert heartbeat_of(revoker_called() | {"eventTime": time}, ACCOUNT, BROKER, REVOKERS, NOW) is None


@pytest.mark.xdist_group("cdk")
def test_ops_01_an_event_is_old_when_its_alarm_would_have_fired():
    from infra.alarms import ALARMS

    silent = {each.period_seconds * each.periods for each in ALARMS if each.name.endswith("TrailSilent")}
    assert silent == {MAX_EVENT_DELAY_SECONDS}
