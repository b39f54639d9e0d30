"""CloudWatch log groups of functions, deliveries and the workflow: encrypted, kept for 90 days."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.keys import encryption_key
from jitney.configuration.partitions import partition_in

NAMES = (
    "/aws/lambda/jitney-*",
    "/aws/kinesisfirehose/jitney-*",
    "/aws/kinesisfirehose/amazon-apigateway-jitney",
    "/aws/vendedlogs/states/jitney-*",
)
"""The names of log groups for which CloudWatch Logs may use the key."""


class LogGroups(Construct):
    """The log groups and their key.

    The key is not the one of the tables. So if the tables' key is disabled, the logs stay readable and show what
    failed.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # The log groups end with the stack, too.
        self._key = encryption_key(
            self, "Key", name="jitney-logs", purpose="logs at rest", removal_policy=RemovalPolicy.DESTROY
        )
        stack = Stack.of(self)
        groups = [f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{name}" for name in NAMES]
        # Without this statement no log group with the key can be created.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        self._key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroups",
                principals=[iam.ServicePrincipal(partition_in(stack.region).service_names("logs", stack.region)[0])],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def add(self, scope: Construct, name: str) -> logs.LogGroup:
        """Create the log group `name`, which must match one of `NAMES`, as `Logs` in `scope`."""
        return logs.LogGroup(
            scope,
            "Logs",
            log_group_name=name,
            encryption_key=self._key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
