"""The graphs of the dashboard, by row. They show the alarms' signals, and other signals that explain them."""

from typing import NamedTuple

from infra.alarm_model import Row
from infra.alarms import ALARMS, DEPTH
from infra.signals import (
    TARGET,
    Signal,
    of_all_functions,
    of_api,
    of_function,
    of_queue,
    of_replica,
    of_stream,
    of_workflow,
    own,
)
from jitney.core.records import audit, gauges, record_metrics


class Graph(NamedTuple):
    """One graph. `unit` labels its axis."""

    title: str
    row: Row
    unit: str
    signals: tuple[Signal, ...]


GRAPHS = (
    Graph(
        "Time until AWS denies",
        Row.REVOCATION,
        "milliseconds",
        (own(record_metrics.TIME_TO_DENY, "p50"), own(record_metrics.TIME_TO_DENY, "p90")),
    ),
    Graph(
        "Ended grants",
        Row.REVOCATION,
        "grants",
        (
            own(record_metrics.REVOCATIONS),
            own(record_metrics.RELEASES),
            own(audit.UNDENIED_REVOCATIONS),
            own(record_metrics.UNMEASURED_DENIALS),
            own(record_metrics.INCOMPLETE_SUSPENSIONS),
        ),
    ),
    Graph("Roles that do not deny", Row.REVOCATION, "roles", (own(gauges.ROLES_NOT_DENYING, "Maximum"),)),
    Graph(
        "Reconciler",
        Row.REVOCATION,
        "runs",
        (own(audit.RECONCILED), of_function("reconciler", "Errors"), own(audit.UNREADABLE_GRANTS)),
    ),
    Graph(
        "Decisions about requests",
        Row.REQUESTS,
        "requests",
        (
            own(record_metrics.REQUESTS_ALLOWED),
            own(record_metrics.REQUESTS_REVIEWED),
            own(record_metrics.REQUESTS_DENIED),
            own(record_metrics.REQUESTS_REFUSED),
        ),
    ),
    Graph(
        "API",
        Row.REQUESTS,
        "answers",
        (
            of_api("Count"),
            of_api("4XXError"),
            of_api("5XXError"),
            own(audit.FAILED_ANSWERS),
            own(audit.UNFETCHED_KEYS),
        ),
    ),
    Graph(
        "Time of POST /v1/grants",
        Row.REQUESTS,
        "milliseconds",
        (of_function("grants", "Duration", "p50"), of_function("grants", "Duration", "p99")),
    ),
    Graph(
        "Functions",
        Row.REQUESTS,
        "invocations",
        (
            of_all_functions("ConcurrentExecutions", "Maximum"),
            of_all_functions("Throttles"),
            of_all_functions("Errors"),
        ),
    ),
    Graph(
        "Waiting for people",
        Row.REVIEWS,
        "requests, follow-up reviews",
        (own(gauges.PENDING_REVIEWS, "Maximum"), own(gauges.OVERDUE_FOLLOW_UPS, "Maximum")),
    ),
    Graph("Time of the oldest request", Row.REVIEWS, "seconds", (own(gauges.OLDEST_PENDING, "Maximum"),)),
    Graph(
        "Time to approve",
        Row.REVIEWS,
        "seconds",
        (own(record_metrics.TIME_TO_APPROVE, "p50"), own(record_metrics.TIME_TO_APPROVE, "p90")),
    ),
    Graph(
        "Decided reviews",
        Row.REVIEWS,
        "reviews",
        (
            own(record_metrics.APPROVALS),
            own(record_metrics.REJECTIONS),
            own(record_metrics.FAILED_REVIEWS),
            own(record_metrics.BREAK_GLASS_USES),
        ),
    ),
    Graph(
        "Workflow and messages",
        Row.REVIEWS,
        "executions, messages",
        (of_workflow("ExecutionsStarted"), of_workflow("ExecutionsFailed"), own(record_metrics.FAILED_MESSAGES)),
    ),
    Graph(
        "Calls through the gateway",
        Row.GATEWAY,
        "calls",
        (own(record_metrics.GATEWAY_CALLS), own(record_metrics.REFUSED_GATEWAY_CALLS)),
    ),
    Graph(
        "Time of a call, with AWS's answer",
        Row.GATEWAY,
        "milliseconds",
        (of_function("gateway_calls", "Duration", "p50"), of_function("gateway_calls", "Duration", "p99")),
    ),
    Graph("Masked places in answers", Row.GATEWAY, "places", (own(record_metrics.MASKED_PLACES),)),
    Graph(
        "Calls without a grant or record",
        Row.TRAIL,
        "calls",
        (own(audit.BYPASSES), own(audit.BEYOND_GRANT_CALLS), own(audit.UNRECORDED_CALLS), own(audit.REFUSED_EVENTS)),
    ),
    Graph(
        "Heartbeats of CloudTrail",
        Row.TRAIL,
        "events",
        (own(audit.HEARTBEATS), own(audit.TARGET_HEARTBEATS, target=TARGET)),
    ),
    Graph(
        "Correlator's queue",
        Row.TRAIL,
        "messages",
        (of_queue("{trail_queue}", DEPTH), of_queue("{trail_dead_letters}", DEPTH)),
    ),
    Graph(
        "Age of the oldest event",
        Row.TRAIL,
        "seconds",
        (of_queue("{trail_queue}", "ApproximateAgeOfOldestMessage"),),
    ),
    Graph(
        "Age of the oldest data not in S3",
        Row.RECORDS,
        "seconds",
        (of_stream("jitney-records"), of_stream("jitney-calls")),
    ),
    Graph(
        "Age of the oldest unpublished change",
        Row.RECORDS,
        "milliseconds",
        (of_function("publisher", "IteratorAge", "Maximum"),),
    ),
    Graph(
        "Seals and changed records",
        Row.RECORDS,
        "seals, records",
        (
            own(audit.SEALED),
            own(audit.TAMPERED),
            of_queue("{record_dead_letters}", DEPTH),
            of_replica(),
        ),
    ),
)
"""The graphs, in the order of the dashboard."""
WATCHED = frozenset({each.signal for each in ALARMS} | {each for graph in GRAPHS for each in graph.signals})
"""All signals of alarms and graphs."""


def custom_metrics(targets: int) -> int:
    """Return how many of Jitney's metrics are watched with this number of targets. CloudWatch bills each metric."""
    metrics = {each._replace(statistic="") for each in WATCHED if each.namespace == audit.METRICS_NAMESPACE}
    return sum(targets if each.of_each_target else 1 for each in metrics)
