"""The publishing of audit records from the table to Firehose, the dead letters, and the topic of all alarms.

The publisher is the only reader of the audit table's stream. A batch that it cannot deliver in 50 attempts or 20 hours
goes to the dead-letter queue. All alarms (`infra.alarms`) go to one topic.
"""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.keys import encryption_key


class DeadLetters(Construct):
    """The queue of the stream's undeliverable batches, and the topic of all alarms."""

    def __init__(self, scope: Construct, construct_id: str, *, tls_only: bool) -> None:
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
        # A key of its own, because the alarms must arrive when the key of the tables is disabled.
        key = encryption_key(
            self,
            "AlarmKey",
            name="jitney-alarms",
            purpose="notifications of alarms",
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(self, "Alarms", display_name="Jitney alarms", master_key=key, enforce_ssl=tls_only)
        # The TLS-only policy replaces the default policy, which would let the account's alarms publish. The construct
        # does not let CloudWatch use the topic's key. Without these two statements, no alarm arrives.
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


def publish(
    scope: Construct,
    publisher: lambda_.IFunction,
    stream_arn: str,
    dead_letters: DeadLetters,
) -> None:
    """Send the audit table's stream to the publisher: in order within a chain, and each record at least once."""
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
