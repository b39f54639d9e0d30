"""Firehose, which publishes records and calls to S3."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient

# Limits of PutRecordBatch: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
MAX_BATCH_RECORDS = 500
MAX_RECORD_BYTES = 1000 * 1024
MAX_BATCH_BYTES = 3_000_000
"""The size of a batch: three quarters of Firehose's 4 MiB per request, less room for the JSON.

The lines are sent in base64, which makes them a third longer.
"""

IndexedLine: TypeAlias = tuple[int, bytes]


class DeliveryStream:
    """Puts lines of JSON into a delivery stream."""

    def __init__(self, client: "FirehoseClient", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, texts: Sequence[str]) -> list[int]:
        """Send lines in order, in as many requests as needed.

        Return the indexes of lines that Firehose did not accept.

        A line that is too large for Firehose is not sent and counts as not accepted.
        """
        lines = list(enumerate(text.encode() + b"\n" for text in texts))
        failed = {index for index, line in lines if len(line) > MAX_RECORD_BYTES}
        for call in _calls([each for each in lines if each[0] not in failed]):
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._name, Records=[{"Data": line} for _, line in call]
            )
            answers = zip(call, answer["RequestResponses"], strict=True)
            failed |= {index for (index, _), each in answers if each.get("ErrorCode")}
        return sorted(failed)


def _calls(lines: Sequence[IndexedLine]) -> Iterator[list[IndexedLine]]:
    """Yield the lines in batches, each for one request."""
    call: list[IndexedLine] = []
    size = 0
    for index, line in lines:
        if call and (len(call) == MAX_BATCH_RECORDS or size + len(line) > MAX_BATCH_BYTES):
            yield call
            call, size = [], 0
        call.append((index, line))
        size += len(line)
    if call:
        yield call
