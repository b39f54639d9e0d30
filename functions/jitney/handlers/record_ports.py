"""The ports on the way of published records: from the audit table's stream to S3, and under their seals."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.aws_clients import DEFAULT_CONFIG, LARGE_OBJECTS

if TYPE_CHECKING:
    from jitney.adapters.delivery_streams import DeliveryStream
    from jitney.adapters.published_records import PublishedRecords
    from jitney.adapters.seals import Seals


class RecordPorts:
    """What the functions that publish and seal records need of AWS."""

    @cached_property
    def records_stream(self) -> "DeliveryStream":
        """The delivery stream of audit records."""
        from jitney.adapters.delivery_streams import DeliveryStream

        return DeliveryStream(boto3.client("firehose", config=DEFAULT_CONFIG), os.environ["JITNEY_RECORDS_STREAM"])

    @cached_property
    def calls_stream(self) -> "DeliveryStream":
        """The delivery stream of calls."""
        from jitney.adapters.delivery_streams import DeliveryStream

        return DeliveryStream(boto3.client("firehose", config=DEFAULT_CONFIG), os.environ["JITNEY_CALLS_STREAM"])

    @cached_property
    def published(self) -> "PublishedRecords":
        """The objects of published records."""
        from jitney.adapters.published_records import PublishedRecords

        return PublishedRecords(boto3.client("s3", config=LARGE_OBJECTS), os.environ["JITNEY_RECORDS_BUCKET"])

    @cached_property
    def seals(self) -> "Seals":
        """The seals over them."""
        from jitney.adapters.seals import Seals

        s3, kms = boto3.client("s3", config=LARGE_OBJECTS), boto3.client("kms", config=DEFAULT_CONFIG)
        return Seals(s3, kms, os.environ["JITNEY_SEALS_BUCKET"], os.environ["JITNEY_SEAL_KEY_ARN"])
