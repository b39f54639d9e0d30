"""Firehose streams that write lines of JSON into a bucket, one folder for each day."""

from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.conditions import via_service
from infra.log_groups import LogGroups
from infra.roles import service_role

_DAY = "dt=!{timestamp:yyyy-MM-dd}/"
_DAY_OF_LINE = "dt=!{partitionKeyFromQuery:dt}/!{timestamp:yyyy-MM-dd}/"
# The day of the line's member `time`, as a jq expression.
_EXTRACTION = "{dt: .time[0:10]}"


class Delivery(Construct):
    """A Firehose stream into one prefix of a bucket. Its role allows only that.

    Each day has a folder: the day of delivery or, with `by_line`, the day in the line. With `by_line`, a late or
    repeated line is in the folder of its own day, too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        bucket: s3.IBucket,
        prefix: str,
        log_groups: LogGroups,
        key: kms.IKey | None = None,
        by_line: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        log_group = log_groups.add(self, f"/aws/kinesisfirehose/{name}")
        log_stream = log_group.add_stream("Errors", log_stream_name="errors")
        role = self._role(bucket, prefix, key, log_group)
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=_encryption(key),
            extended_s3_destination_configuration=firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                bucket_arn=bucket.bucket_arn,
                role_arn=role.role_arn,
                prefix=f"{prefix}/{_DAY_OF_LINE if by_line else _DAY}",
                error_output_prefix=f"{prefix}-errors/!{{firehose:error-output-type}}/{_DAY}",
                buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                    interval_in_seconds=60, size_in_m_bs=64 if by_line else 5
                ),
                **(_partitioning() if by_line else {}),
                cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                    enabled=True,
                    log_group_name=log_group.log_group_name,
                    log_stream_name=log_stream.log_stream_name,
                ),
            ),
        )
        logical_id = Stack.of(self).get_logical_id(cast("s3.CfnBucket", bucket.node.default_child))
        folders = [f"IAM5[Resource::<{logical_id}.Arn>/{folder}/*]" for folder in (prefix, f"{prefix}-errors")]
        acknowledge(self, "Firehose writes objects of new names under its own two prefixes.", *folders)
        # Firehose checks its permission to write when the stream is created.
        self.stream.node.add_dependency(role)

    def _role(self, bucket: s3.IBucket, prefix: str, key: kms.IKey | None, log_group: logs.ILogGroup) -> iam.Role:
        # Firehose Developer Guide, "Grant Firehose access to an Amazon S3 destination".
        on_bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        on_objects = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        objects = [bucket.arn_for_objects(f"{folder}/*") for folder in (prefix, f"{prefix}-errors")]
        statements = [
            iam.PolicyStatement(actions=on_bucket, resources=[bucket.bucket_arn]),
            iam.PolicyStatement(actions=on_objects, resources=objects),
            iam.PolicyStatement(actions=["logs:PutLogEvents"], resources=[log_group.log_group_arn]),
        ]
        if key is not None:
            through = {"StringEquals": via_service("s3", Stack.of(self).region)}
            statements.append(
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn], conditions=through
                )
            )
        purpose = f"lets Firehose write {prefix} to its bucket"
        return service_role(self, "Role", "firehose", f"delivery-{prefix}", purpose, statements)


def _partitioning() -> dict[str, Any]:
    """Return the configuration of dynamic partitioning, which requires buffers of at least 64 MB.

    https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
    """
    properties = firehose.CfnDeliveryStream
    parameters = {"MetadataExtractionQuery": _EXTRACTION, "JsonParsingEngine": "JQ-1.6"}
    extraction = properties.ProcessorProperty(
        type="MetadataExtraction",
        parameters=[
            properties.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
            for name, value in parameters.items()
        ],
    )
    return {
        "dynamic_partitioning_configuration": properties.DynamicPartitioningConfigurationProperty(enabled=True),
        "processing_configuration": properties.ProcessingConfigurationProperty(enabled=True, processors=[extraction]),
    }


def _encryption(
    key: kms.IKey | None,
) -> firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty:
    return firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
        key_type="CUSTOMER_MANAGED_CMK" if key else "AWS_OWNED_CMK", key_arn=key.key_arn if key else None
    )
