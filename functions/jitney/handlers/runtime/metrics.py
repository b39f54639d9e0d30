"""Writes metrics to the log in CloudWatch's embedded metric format. Each metric has the dimension `service`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterable

from jitney.core.records.audit import METRICS_NAMESPACE, METRICS_SERVICE
from jitney.core.records.record_metrics import MetricUnit, MetricValue


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """Count `value` of a metric. CloudWatch bills each value of `dimensions` as a metric of its own."""
    emit([MetricValue(name, value)], **dimensions)


def emit(values: Iterable[MetricValue], **dimensions: str) -> None:
    """Write the values, one line per metric. Counts of one metric are added up."""
    # Imported here, because most invocations of most functions write no metric.
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (  # noqa: PLC0415
        AmazonCloudWatchEMFProvider,
    )

    lines = AmazonCloudWatchEMFProvider(namespace=METRICS_NAMESPACE, service=METRICS_SERVICE)
    for name, value in {"service": METRICS_SERVICE, **dimensions}.items():
        lines.add_dimension(name, value)
    for each in _added_up(values):
        lines.add_metric(each.name, each.unit, each.value)
    if lines.metric_set:
        lines.flush_metrics()


def _added_up(values: Iterable[MetricValue]) -> list[MetricValue]:
    counts: dict[str, int] = {}
    others = []
    for each in values:
        if each.unit is MetricUnit.COUNT:
            counts[each.name] = counts.get(each.name, 0) + each.value
        else:
            others.append(each)
    return [*(MetricValue(name, value) for name, value in counts.items()), *others]
