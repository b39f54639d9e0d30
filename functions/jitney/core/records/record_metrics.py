"""The metrics that are counted from audit records when these are published, so no request waits for them.

CloudWatch bills each combination of a metric and its dimensions. So each outcome is a metric, and no metric has a
dimension for a target or an agent.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from jitney.core.records.audit import AuditEvent, Outcome

REQUESTS_ALLOWED = "RequestsAllowed"
REQUESTS_REVIEWED = "RequestsReviewed"
REQUESTS_DENIED = "RequestsDenied"
REQUESTS_REFUSED = "RequestsRefused"
APPROVALS, REJECTIONS = "ReviewsApproved", "ReviewsRejected"
FAILED_REVIEWS = "ReviewsFailed"
BREAK_GLASS_USES = "BreakGlassUses"
REVOCATIONS, RELEASES = "Revocations", "Releases"
UNMEASURED_DENIALS = "DenialsUnmeasured"
INCOMPLETE_SUSPENSIONS = "SuspensionsIncomplete"
GATEWAY_CALLS = "GatewayCalls"
REFUSED_GATEWAY_CALLS = "GatewayCallsRefused"
TIME_TO_APPROVE = "TimeToApprove"
"""Seconds from the request to the vote that approved it."""
TIME_TO_DENY = "TimeToDeny"
"""Milliseconds from a release, revocation or suspension until AWS denied a call of a grant that it ended.

If AWS still allowed the last call of a measurement, the value is the time of that call, and the real time is longer.
"""
MASKED_PLACES = "MaskedPlaces"
"""Places in answers of the gateway in which something was masked."""
FAILED_MESSAGES = "MessagesFailed"
"""Messages to reviewers that a channel did not take. A message that will be sent again does not count yet."""


class MetricUnit(StrEnum):
    """A unit, as CloudWatch spells it."""

    COUNT = "Count"
    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"


class MetricValue(NamedTuple):
    """One value of a metric."""

    name: str
    value: int
    unit: MetricUnit = MetricUnit.COUNT


COUNTED: Mapping[tuple[str, str], str] = {
    (AuditEvent.REQUEST, Outcome.ALLOWED): REQUESTS_ALLOWED,
    (AuditEvent.REQUEST, Outcome.REVIEW): REQUESTS_REVIEWED,
    (AuditEvent.REQUEST, Outcome.DENIED): REQUESTS_DENIED,
    (AuditEvent.REQUEST, Outcome.REFUSED): REQUESTS_REFUSED,
    (AuditEvent.REVIEW, Outcome.FAILED): FAILED_REVIEWS,
    (AuditEvent.BREAK_GLASS, Outcome.APPROVED): BREAK_GLASS_USES,
    (AuditEvent.REVOCATION, Outcome.REVOKED): REVOCATIONS,
    (AuditEvent.RELEASE, Outcome.RELEASED): RELEASES,
    (AuditEvent.CANARY, Outcome.FAILED): UNMEASURED_DENIALS,
    (AuditEvent.SUSPENSION, Outcome.FAILED): INCOMPLETE_SUSPENSIONS,
    (AuditEvent.CALL, Outcome.ANSWERED): GATEWAY_CALLS,
    (AuditEvent.CALL, Outcome.DENIED): REFUSED_GATEWAY_CALLS,
    (AuditEvent.CALL, Outcome.REFUSED): REFUSED_GATEWAY_CALLS,
}
"""The metric that counts the records of an event with an outcome. A record of n refusals counts n times."""
MOST = 10**12
"""The largest value that is counted. Real values are smaller."""

_Given: TypeAlias = tuple[str, Any, MetricUnit]


def metrics_of(records: Iterable[Mapping[str, Any]]) -> Iterator[MetricValue]:
    """Yield the values that published records give.

    Their members are as `core.records.audit.chain_record` writes them.

    A function may write any JSON into its own chains. A value that is not a valid count is left out, so that no record
    prevents counting the others.
    """
    for members in records:
        match members:
            case {"event": str(event), "outcome": str(outcome), "count": count, "detail": str(detail)}:
                values = [(COUNTED.get((event, outcome), ""), count, MetricUnit.COUNT)]
                if event in _FROM_DETAIL:
                    values += _FROM_DETAIL[event](_members(detail))
                yield from (MetricValue(*each) for each in values if each[0] and _is_value(each[1]))


def _is_value(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= MOST


def _members(detail: str) -> Any:
    try:
        return json.loads(detail)
    except (ValueError, RecursionError):
        return None


def _vote(detail: Any) -> list[_Given]:
    match detail:
        case {"state": "active", "waited_seconds": seconds}:
            return [(APPROVALS, 1, MetricUnit.COUNT), (TIME_TO_APPROVE, seconds, MetricUnit.SECONDS)]
        case {"state": "rejected"}:
            return [(REJECTIONS, 1, MetricUnit.COUNT)]
    return []  # more votes are needed


def _denial(detail: Any) -> list[_Given]:
    match detail:
        case {
            "denied_after_milliseconds": None,
            "denials_milliseconds": dict(denied),
            "allowed_milliseconds": dict(last),
        }:
            unseen = (region for region, milliseconds in denied.items() if milliseconds is None)
            times = [last[region] for region in unseen if _is_value(last.get(region))]
            return [(TIME_TO_DENY, max(times, default=None), MetricUnit.MILLISECONDS)]
        case {"denied_after_milliseconds": milliseconds}:
            return [(TIME_TO_DENY, milliseconds, MetricUnit.MILLISECONDS)]
    return []


def _messages(detail: Any) -> list[_Given]:
    match detail:
        case {"sent": list(sent)}:
            codes = [each.get("code") for each in sent if isinstance(each, dict) and each.get("again") is not True]
            failed = sum(1 for code in codes if code not in ("", "already_sent"))
            return [(FAILED_MESSAGES, failed, MetricUnit.COUNT)] if failed else []
    return []


def _call(detail: Any) -> list[_Given]:
    match detail:
        case {"call": {"masked": [_, *_] as masked}}:
            return [(MASKED_PLACES, len(masked), MetricUnit.COUNT)]
    return []


_FROM_DETAIL: Mapping[str, Callable[[Any], list[_Given]]] = {
    AuditEvent.VOTE: _vote,
    AuditEvent.CANARY: _denial,
    AuditEvent.NOTICE: _messages,
    AuditEvent.CALL: _call,
}
"""The functions that find values in a record's detail, by the record's event."""
