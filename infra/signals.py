"""The metrics that alarms and the dashboard watch: Jitney's own, and those of AWS services."""

from typing import NamedTuple

from jitney.configuration.arns import function_name
from jitney.core.records.audit import METRICS_NAMESPACE, METRICS_SERVICE

API_NAME = "jitney"
TARGET = "{target}"
"""In a dimension, the alias of a target. Such a signal exists for each target."""
REPLICA = "{replica}"
"""In a dimension, the replica: `records` or `seals` (`infra.replication`). Such a signal exists for each replica."""


class Signal(NamedTuple):
    """One metric in CloudWatch, with its dimensions and statistic ("Sum", "Maximum", "p99").

    A dimension in braces, such as `{trail_queue}`, is a resource of the stack (`infra.monitoring`).
    """

    name: str
    namespace: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Sum"

    @property
    def of_each_target(self) -> bool:
        """Whether each target has this metric."""
        return any(value == TARGET for _, value in self.dimensions)

    @property
    def of_each_replica(self) -> bool:
        """Whether the replication to each replica has this metric."""
        return any(value == REPLICA for _, value in self.dimensions)


def own(name: str, statistic: str = "Sum", **dimensions: str) -> Signal:
    """Return a metric that functions write (`jitney.handlers.runtime.metrics`)."""
    return Signal(name, METRICS_NAMESPACE, (("service", METRICS_SERVICE), *dimensions.items()), statistic)


def of_function(function: str, name: str, statistic: str = "Sum") -> Signal:
    """Return a metric of one function.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    return Signal(name, "AWS/Lambda", (("FunctionName", function_name(function)),), statistic)


def of_all_functions(name: str, statistic: str = "Sum") -> Signal:
    """Return a metric of all functions of the account in the Region. The account is used only by the broker."""
    return Signal(name, "AWS/Lambda", (), statistic)


def of_api(name: str) -> Signal:
    """Return a metric of the whole API, which has no charge.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    """
    return Signal(name, "AWS/ApiGateway", (("ApiName", API_NAME),))


def of_queue(queue: str, name: str) -> Signal:
    """Return a metric of a queue. `queue` is the queue's name in braces."""
    return Signal(name, "AWS/SQS", (("QueueName", queue),), "Maximum")


def of_workflow(name: str) -> Signal:
    """Return a metric of the approval workflow.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    """
    return Signal(name, "AWS/States", (("StateMachineArn", "{approval}"),))


def of_stream(stream: str) -> Signal:
    """Return the age in seconds of the oldest data that a Firehose stream has not written to S3."""
    return Signal("DeliveryToS3.DataFreshness", "AWS/Firehose", (("DeliveryStreamName", stream),), "Maximum")


def of_replica() -> Signal:
    """Return the failures of the replication to one bucket, which S3 counts in the Region of the source bucket.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    buckets = (("SourceBucket", "{source_bucket}"), ("DestinationBucket", "{replica_bucket}"))
    return Signal("OperationsFailedReplication", "AWS/S3", (*buckets, ("RuleId", REPLICA)))
