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
    """Return whether an alarm of a template fires. `periods` are the values of its metric in the last periods."""
    statistic = STATISTICS[alarm.get("Statistic") or alarm["ExtendedStatistic"]]
    breaches = COMPARISONS[alarm["ComparisonOperator"]]

    def is_breached(values: Sequence[float]) -> bool:
        if not values:
            return bool(alarm["TreatMissingData"] == "breaching")
        return breaches(statistic(values), alarm["Threshold"])

    evaluated = periods[-alarm["EvaluationPeriods"] :]
    needed = alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
    return len(evaluated) == alarm["EvaluationPeriods"] and sum(map(is_breached, evaluated)) >= needed


def fires_after(alarm: Mapping[str, Any], printed: str) -> bool:
    """Return whether an alarm fires if each period brings what a function printed."""
    return fires(alarm, [metrics_in(printed).get(key_of(alarm), [])] * alarm["EvaluationPeriods"])
