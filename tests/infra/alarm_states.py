"""Alarms as CloudWatch evaluates them, over the metrics in what a function prints.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

type MetricKey = tuple[str, str, frozenset[tuple[str, str]]]
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "p90": lambda values: sorted(values)[ceil(len(values) * 0.9) - 1],
}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}

FURTHER = 2
"""How many periods CloudWatch reads before those that it evaluates. AWS documents only that it reads five for three."""


def metrics_in(printed: str) -> dict[MetricKey, list[float]]:
    """Return the values of each metric, by its namespace, name and dimensions."""
    found: dict[MetricKey, list[float]] = {}
    for line in printed.splitlines():
        members = json.loads(line) if line.startswith("{") else {}
        for directive in members.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, members[name]) for name in names)
                for metric in directive["Metrics"]:
                    key = directive["Namespace"], metric["Name"], dimensions
                    value = members[metric["Name"]]
                    found.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return found


def key_of(alarm: Mapping[str, Any]) -> MetricKey:
    """Return which metric an alarm of a template watches."""
    dimensions = alarm.get("Dimensions", ())
    return alarm["Namespace"], alarm["MetricName"], frozenset((each["Name"], each["Value"]) for each in dimensions)


def fires(alarm: Mapping[str, Any], periods: Sequence[Sequence[float]]) -> bool:
    """Return whether an alarm of a template fires. `periods` are the values of its metric in the last periods.

    CloudWatch also reads some periods before those that it evaluates. It takes every value that it reads into account,
    and replaces missing ones only as far as needed.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    statistic = STATISTICS[alarm.get("Statistic") or alarm["ExtendedStatistic"]]
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    evaluated = alarm["EvaluationPeriods"]
    values = [breaches(statistic(each), alarm["Threshold"]) for each in periods[-(evaluated + FURTHER) :] if each]
    missing = [alarm["TreatMissingData"] == "breaching"] * max(0, evaluated - len(values))
    return sum(values[-evaluated:] + missing) >= alarm.get("DatapointsToAlarm", evaluated)


def fires_after(alarm: Mapping[str, Any], printed: str) -> bool:
    """Return whether an alarm fires if each period brings what a function printed."""
    return fires(alarm, [metrics_in(printed).get(key_of(alarm), [])] * alarm["EvaluationPeriods"])
