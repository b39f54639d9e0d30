"""Audit records on their way from the table to Firehose, the dead letters, and all alarms.

The publisher is the only reader of the audit table's stream. A batch that it cannot deliver within a day goes to the
dead-letter queue. All alarms go to one topic.
"""

from collections.abc import Iterable, Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.delivery import Delivery
from infra.spec import ALL_FUNCTIONS, FunctionSpec


class DeadLetters(Construct):
    """The queue of the stream's undeliverable batches, and the topic of all alarms."""

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key, tls_only: bool) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=tls_only,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        acknowledge(self.queue, "It is the dead-letter queue of a stream.", "SQS3")
        self.topic = sns.Topic(self, "Alarms", display_name="Jitney alarms", master_key=key, enforce_ssl=tls_only)
        # The TLS-only policy replaces the default one, which lets the account's alarms publish, and the construct
        # does not let CloudWatch use the topic's key. Without these two statements no alarm arrives.
        from_here = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        cloudwatch_itself = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[cloudwatch_itself],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=from_here,
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsToTopic",
                principals=[cloudwatch_itself],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=from_here,
            )
        )
        held = self.queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1))
        self.alarm("Undelivered", held, 0, "Audit records could not be published. Run: jitney audit redrive")

    def alarm(self, construct_id: str, metric: cloudwatch.IMetric, above: int, meaning: str) -> None:
        """Create an alarm to the topic. It fires when `metric` exceeds `above` in one period."""
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=meaning,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def watch(self, specs: Iterable[FunctionSpec]) -> None:
        """Create the alarms that functions declare."""
        for each in (alarm for spec in specs for alarm in spec.alarms):
            metric = cloudwatch.Metric(
                namespace=ALL_FUNCTIONS["POWERTOOLS_METRICS_NAMESPACE"],
                metric_name=each.metric,
                dimensions_map={"service": ALL_FUNCTIONS["POWERTOOLS_SERVICE_NAME"]},
                statistic="Sum",
                period=Duration.seconds(each.missing_seconds or 60),
            )
            if each.missing_seconds:
                self._alarm_when_missing(each.name, metric, each.meaning)
            else:
                self.alarm(each.name, metric, 0, each.meaning)

    def _alarm_when_missing(self, construct_id: str, metric: cloudwatch.IMetric, meaning: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=2,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
            alarm_description=meaning,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))


def publish(
    scope: Construct,
    publisher: lambda_.IFunction,
    stream_arn: str,
    dead_letters: DeadLetters,
    deliveries: Sequence[Delivery],
) -> None:
    """Send the audit table's stream to the publisher: in order within a chain, and each record at least once.

    `deliveries` are the streams into which it publishes.
    """
    lambda_.CfnEventSourceMapping(
        scope,
        "AuditStream",
        function_name=publisher.function_name,
        event_source_arn=stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=100,
        maximum_batching_window_in_seconds=1,
        function_response_types=["ReportBatchItemFailures"],
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=50,
        maximum_record_age_in_seconds=20 * 3600,
        destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=dead_letters.queue.queue_arn)
        ),
    )
    age = cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="IteratorAge",
        dimensions_map={"FunctionName": publisher.function_name},
        statistic="Maximum",
        period=Duration.minutes(1),
    )
    for each in deliveries:
        written = cloudwatch.Metric(
            namespace="AWS/Firehose",
            metric_name="DeliveryToS3.DataFreshness",
            dimensions_map={"DeliveryStreamName": each.name},
            statistic="Maximum",
            period=Duration.minutes(1),
        )
        meaning = f"{each.node.id} were not written to S3 for 15 minutes. See docs/redrive.md."
        dead_letters.alarm(f"Unwritten{each.node.id}", written, 15 * 60, meaning)
    dead_letters.alarm("Late", age, 10 * 60 * 1000, "Audit records are published more than ten minutes late.")
