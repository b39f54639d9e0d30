"""The metrics that alarms watch exist in CloudWatch, under the names and with the dimensions of the alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import waited
from conformance.configuration import ALIAS
from conformance.system import ConformanceSystem

MOST_WAIT_SECONDS = 1200.0
"""CloudWatch lists a new metric within 15 minutes. The heartbeats need CloudTrail's events before that."""
ALWAYS = frozenset(
    {
        *("RolesNotDenying", "ReconcilerFailed", "RevocationsThrottled", "TrailSilent", f"TargetTrailSilent-{ALIAS}"),
        *("ApiErrors", "FunctionErrors", "FunctionsThrottled", "EventsStuck", "EventsLate"),
        *("Undelivered", "RecordsLate", "UnwrittenRecords"),
    }
)
"""The alarms whose metrics have data after the other checks, although nothing is wrong."""


def watched(system: ConformanceSystem) -> Observation:
    """Return which alarms have no metric. An alarm on a metric of another name or dimension never fires."""
    cloudwatch = system.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix="jitney-", AlarmTypes=["MetricAlarm"])
    alarms = {each["AlarmName"].removeprefix("jitney-"): each for page in pages for each in page["MetricAlarms"]}
    facts = {"unknown": sorted(ALWAYS - alarms.keys()), "without_metric": sorted(ALWAYS)}

    def complete() -> bool:
        facts["without_metric"] = sorted(
            name for name in ALWAYS & alarms.keys() if not any(_metrics(cloudwatch, alarms[name]))
        )
        return not facts["without_metric"]

    try:
        waited(complete, "the metric of each alarm", MOST_WAIT_SECONDS, 30.0)
    except CheckFailedError as late:
        raise CheckFailedError(f"{late}: {facts['without_metric']}", facts) from late
    if facts["unknown"]:
        raise CheckFailedError(f"the stack has no alarms {facts['unknown']}", facts)
    silent = sorted(name for name in alarms.keys() - ALWAYS if not any(_metrics(cloudwatch, alarms[name])))
    return Observation(facts, {"others_without_data": silent})


def _metrics(cloudwatch: Any, alarm: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the metrics with exactly the alarm's name and dimensions: CloudWatch also lists those with more."""
    wanted = sorted((each["Name"], each["Value"]) for each in alarm["Dimensions"])
    named = {"Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"]}
    for page in cloudwatch.get_paginator("list_metrics").paginate(**named):
        yield from (
            each
            for each in page["Metrics"]
            if sorted((one["Name"], one["Value"]) for one in each["Dimensions"]) == wanted
        )
