"""The ports on the way of published records: from the audit table's stream to S3, and under their seals."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.calls import CLIENT, WHOLE_OBJECTS

if TYPE_CHECKING:
    from jitney.adapters.published import Published
    from jitney.adapters.records import RecordsStream
    from jitney.adapters.seals import Seals


class RecordPorts:
    """What the functions that publish and seal records need of AWS."""

    @cached_property
    def records_stream(self) -> "RecordsStream":
        """The delivery stream of audit records."""
        from jitney.adapters.records import RecordsStream

        return RecordsStream(boto3.client("firehose", config=CLIENT), os.environ["JITNEY_RECORDS_STREAM"])

    @cached_property
    def calls_stream(self) -> "RecordsStream":
        """The delivery stream of calls."""
        from jitney.adapters.records import RecordsStream

        return RecordsStream(boto3.client("firehose", config=CLIENT), os.environ["JITNEY_CALLS_STREAM"])

    @cached_property
    def published(self) -> "Published":
        """The objects of published records."""
        from jitney.adapters.published import Published

        return Published(boto3.client("s3", config=WHOLE_OBJECTS), os.environ["JITNEY_RECORDS_BUCKET"])

    @cached_property
    def seals(self) -> "Seals":
        """The seals over them."""
        from jitney.adapters.seals import Seals

        s3, kms = boto3.client("s3", config=WHOLE_OBJECTS), boto3.client("kms", config=CLIENT)
        return Seals(s3, kms, os.environ["JITNEY_SEALS_BUCKET"], os.environ["JITNEY_SEAL_KEY_ARN"])
