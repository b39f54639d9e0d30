"""Firehose, which publishes records and calls to S3."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types_boto3_firehose import FirehoseClient

# Limits of PutRecordBatch: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
MAX_BATCH_RECORDS = 500
MAX_RECORD_BYTES = 1000 * 1024
MAX_BATCH_BYTES = 3_000_000
"""The size of a batch: three quarters of Firehose's 4 MiB per request, less room for the JSON.

The lines are sent in base64, which makes them a third longer.
"""

T = TypeVar("T")


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
        sent = [each for each in lines if each[0] not in failed]
        for call in batches(sent, lambda each: len(each[1]), MAX_BATCH_RECORDS, MAX_BATCH_BYTES):
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._name, Records=[{"Data": line} for _, line in call]
            )
            answers = zip(call, answer["RequestResponses"], strict=True)
            failed |= {index for (index, _), each in answers if each.get("ErrorCode")}
        return sorted(failed)


def batches(things: Iterable[T], size_of: Callable[[T], int], most: int, most_bytes: int) -> Iterator[list[T]]:
    """Yield the things in order, in lists for one request each. A single thing may have more than `most_bytes`."""
    batch: list[T] = []
    size = 0
    for thing in things:
        if batch and (len(batch) == most or size + size_of(thing) > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(thing)
        size += size_of(thing)
    if batch:
        yield batch
