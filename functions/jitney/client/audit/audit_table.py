"""Reads the audit table and its stream, to compare published records and calls with it. Imports boto3."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from jitney.adapters.record_items import record_in
from jitney.adapters.table_reads import item_key, read_items
from jitney.adapters.trail import written_at
from jitney.client.audit.aws import aws_clients, code_of, explaining, fix_of
from jitney.client.problems import Invalid
from jitney.core.integrity.contents import RecordPosition, read_record
from jitney.core.integrity.published_calls import CallPlace, StoredCall, read_call
from jitney.core.integrity.reconciliation import WrittenRecord
from jitney.core.problems import Problem
from jitney.core.records.chain_numbers import sort_key

AT_ONCE = 8
LOT = 100
MOST_PK_BYTES, MOST_SK_BYTES = 2048, 1024
MOST_EMPTY = 20
"""After this many empty answers in a row, an open shard counts as read. Fewer can come before further records."""
TITLE = "Nothing could be compared"


class AuditTable:
    """The audit table `name`, read with the environment's AWS credentials. Raises Invalid if it cannot be read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._dynamodb, self._streams = aws_clients(TITLE, "dynamodb", "dynamodbstreams", at_once=AT_ONCE)

    def held(self, positions: Collection[RecordPosition]) -> dict[RecordPosition, WrittenRecord]:
        """Return the records at these positions. Positions without an intact record are left out."""
        items = self._items((each.chain, sort_key(each.seq)) for each in positions)
        return {each.position: each for each in map(_written, items) if each}

    def held_calls(self, places: Collection[CallPlace]) -> dict[CallPlace, StoredCall]:
        """Return the calls at these places. Places without a call are left out."""
        items = self._items((each.partition, each.number) for each in places)
        return {each.place: each for each in map(_call, items) if each}

    def recent(self) -> tuple[tuple[WrittenRecord, ...], tuple[tuple[int, StoredCall], ...]]:
        """Return the records and the calls that were written in the last 24 hours, as long as DynamoDB keeps a stream.

        Each call comes with the time of its writing, in epoch seconds.
        """
        with self._explained("the stream of the audit table"), ThreadPoolExecutor(AT_ONCE) as pool:
            stream = self._dynamodb.describe_table(TableName=self._name)["Table"].get("LatestStreamArn")
            if not stream:
                detail = f"The table {self._name} has no stream."
                raise Invalid("table_unreadable", TITLE, detail, "Name the audit table of Jitney's stack.")
            lots = list(pool.map(lambda shard: list(self._of_shard(stream, shard)), self._shards(stream)))
        items = [image for lot in lots for image in lot]
        calls = ((written_at(each), _call(each)) for each in items)
        return tuple(filter(None, map(_written, items))), tuple((at, call) for at, call in calls if call)

    def _items(self, keys: Iterator[tuple[str, str]]) -> Iterator[Mapping[str, Any]]:
        wanted = [item_key(pk, sk) for pk, sk in sorted(set(keys)) if _is_key(pk, sk)]
        lots = [wanted[start : start + LOT] for start in range(0, len(wanted), LOT)]

        def read(lot: list[Any]) -> list[Any]:
            return read_items(self._dynamodb, self._name, lot)

        with self._explained("the audit table"), ThreadPoolExecutor(AT_ONCE) as pool:
            for found in pool.map(read, lots):
                yield from found

    def _shards(self, stream: str) -> Iterator[str]:
        start: dict[str, str] = {}
        while True:
            described = self._streams.describe_stream(StreamArn=stream, **start)["StreamDescription"]
            yield from (each["ShardId"] for each in described["Shards"])
            if "LastEvaluatedShardId" not in described:
                return
            start = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}

    def _of_shard(self, stream: str, shard: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items whose addition to the table the shard reports."""
        oldest = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator, empty = self._streams.get_shard_iterator(**oldest)["ShardIterator"], 0
        while iterator and empty < MOST_EMPTY:
            answer = self._streams.get_records(ShardIterator=iterator)
            iterator, empty = answer.get("NextShardIterator"), 0 if answer["Records"] else empty + 1
            yield from (each["dynamodb"]["NewImage"] for each in answer["Records"] if each["eventName"] == "INSERT")

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        def refused(error: ClientError) -> Invalid:
            code = code_of(error)
            fix = "Check its name." if code == "ResourceNotFoundException" else fix_of(code, _PERMISSIONS)
            return Invalid("table_unreadable", TITLE, f"AWS answered {code} when reading {what}.", fix)

        try:
            with explaining(TITLE, refused):
                yield
        except Problem as error:
            raise Invalid("table_unreadable", TITLE, f"Reading {what} failed.", "Try again in a minute.") from error


def _is_key(pk: str, sk: str) -> bool:
    """Return whether a table can hold an item with this key. An added line in S3 can have any names.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    try:
        return 0 < len(pk.encode()) <= MOST_PK_BYTES and len(sk.encode()) <= MOST_SK_BYTES
    except UnicodeEncodeError:
        return False


_PERMISSIONS = "docs/integrity.md lists the permissions."


def _written(item: Mapping[str, Any]) -> WrittenRecord | None:
    """Return the record of an item; None unless it is intact and stored at its own key."""
    record = read_record(record_in(item).encode())
    if not record or not record.intact:
        return None
    position = record.position
    if (item["pk"]["S"], item["sk"]["S"]) != (position.chain, sort_key(position.seq)):
        return None
    return WrittenRecord(position, record.hash, written_at(item))


def _call(item: Mapping[str, Any]) -> StoredCall | None:
    """Return the call of an item; None unless it is stored at its own key."""
    found = read_call(item.get("line", {}).get("S", "").encode())
    return found if found and found.place == (item["pk"]["S"], item["sk"]["S"]) else None
