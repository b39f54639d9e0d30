"""Published records: from the audit table's stream to Firehose."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient
    from types_boto3_firehose.type_defs import RecordTypeDef

MOST_RECORDS = 500
"""PutRecordBatch takes so many at most, and 4 MiB; the stream's batch size keeps both."""


class RecordsStream:
    """Puts audit records onto the delivery stream, one JSON line each."""

    def __init__(self, client: "FirehoseClient", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, texts: Sequence[str]) -> list[int]:
        """Send up to `MOST_RECORDS` records; the indexes of those that Firehose did not take."""
        records: list[RecordTypeDef] = [{"Data": text.encode() + b"\n"} for text in texts]
        answer = self._client.put_record_batch(DeliveryStreamName=self._name, Records=records)
        return [index for index, each in enumerate(answer["RequestResponses"]) if each.get("ErrorCode")]
