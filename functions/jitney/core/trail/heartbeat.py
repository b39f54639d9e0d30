"""Recognizes heartbeats: events that show that CloudTrail still delivers (row OPS 1).

The reconciler assumes the revoker role of each target every five minutes, and makes a call in its session, in the
target's Region. So every target's account and the broker's account have an event of their own every five minutes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core.times import epoch
from jitney.core.trail.event import MAX_CLOCK_SKEW_SECONDS, STS
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS

HEARTBEAT_OPERATION = "GetCallerIdentity"
"""The operation of heartbeats.

No policy can deny it, it costs nothing, and CloudTrail logs it in the Region of the call.
"""
BROKER = ""
"""The name of the broker's account among those whose events arrive. No target has this name."""


class Heartbeat(NamedTuple):
    """The account whose events arrive (a target's alias, or BROKER), and the event's time (epoch seconds)."""

    target: str
    at: int


def heartbeat_of(event: Any, account: str, home: str, revokers: Mapping[str, str], now: int) -> Heartbeat | None:
    """Return the heartbeat in an event that is read at `now`. Return None for any other event.

    `account` owns the bus that reported the event, `home` is the broker's account. `revokers` maps the ARN of each
    target's revoker role to the target's alias. An account reports only its own events, so no target can send the
    heartbeat of another.

    An event that is older than the alarm's time limit shows nothing: it was late, or a redrive sent it.
    """
    target = _sender_of(event, account, home, revokers)
    at = _recent_time(event, now) if target is not None else None
    return Heartbeat(target, at) if target is not None and at is not None else None


def _sender_of(event: Any, account: str, home: str, revokers: Mapping[str, str]) -> str | None:
    match event:
        case {"errorCode": str()}:
            return None
        case {"eventSource": source, "eventName": "AssumeRole", "requestParameters": {"roleArn": str(role)}}:
            return BROKER if source == STS and account == home and role in revokers else None
        case {
            "eventSource": source,
            "eventName": name,
            "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": str(role)}}},
        }:
            expected = source == STS and name == HEARTBEAT_OPERATION and account == _account(role)
            return revokers.get(role) if expected else None
    return None


def _recent_time(event: Mapping[str, Any], now: int) -> int | None:
    try:
        at = epoch(str(event.get("eventTime")))
    except ValueError:
        return None
    # A time ahead of the clock would let a gap begin after the calls that it hides.
    return min(at, now) if now - MAX_EVENT_DELAY_SECONDS <= at <= now + MAX_CLOCK_SKEW_SECONDS else None


def _account(role_arn: str) -> str:
    return role_arn.split(":")[4] if role_arn.count(":") == 5 else ""
