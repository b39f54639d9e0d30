"""Writes of the state table and of audit records: a change and its record are one transaction.

Audit table: `pk` is the chain, `sk` the number in it, `record` its compressed text. `expires` is DynamoDB's TTL.
The first record of a call has `call_of` and `call_at` for an index (core.call_lookup).
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from jitney.adapters import clock
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.record_items import record_attribute
from jitney.adapters.table_reads import NEW, Item, item_key
from jitney.core.access.grant import GRANT_RETENTION_SECONDS
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, SingleUseKey
from jitney.core.records.audit import ChainedRecord
from jitney.core.records.chain_numbers import sort_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RECORD_RETENTION_SECONDS = GRANT_RETENTION_SECONDS + 10 * 24 * 3600
"""How long the audit table keeps a record. S3 has the record within minutes, and keeps it.

Reports and the join of CloudTrail events need the records of a grant as long as the grant is kept. A grant's review and
its end take less than ten days. An hourly seal protects each record in S3. While it is not sealed, it is compared with
the table. A record that is still not sealed after this time counts as forged.
"""
PAUSES_SECONDS = (0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5, 0.5, 0.5)
"""The longest pause before each repeat of a write that another transaction blocks.

A write is repeated only if it depends on no read, or if its condition fails after a change of what was read.
"""
SINGLE_USE = "SINGLE_USE"
_THROTTLED = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""The reasons of a throttled transaction. botocore repeats throttled calls, but no canceled transaction.

DynamoDB throttles a table or an index while it scales, and a key that is written too often.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors
"""


class GuardedWrite(NamedTuple):
    """An item of a transaction. If its condition fails, the write raises Conflict with `key`."""

    key: str
    item: Item


Key = SingleUseKey | Quota | GuardedWrite


class Conflict(Exception):
    """A single-use key was used before, or a quota or a budget is used up. `key` names it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class StaleWrite(Exception):
    """An item changed since it was read, or another transaction is writing it. Nothing was written."""


class TakenNumber(StaleWrite):
    """Another function has put an item under the number of a record. Nothing else changed, and nothing was written."""


class BlockedWrite(StaleWrite):
    """Another transaction is writing one of the items. Nothing was written, and a repeat may succeed."""


def store_busy() -> Problem:
    """Return the problem of a write that other requests blocked. Callers can cause that at any time."""
    return Problem("store_busy", "Too many requests changed the same item at the same time.", "Try again in a moment.")


def _reasons(cancelled: Any) -> list[str]:
    """Return DynamoDB's code for each item of a canceled transaction."""
    return [reason.get("Code", "None") for reason in cancelled.response.get("CancellationReasons", [])]


class Transactions:
    """Writes items all or nothing. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str, audit_table: str) -> None:
        self._client = client
        self._state_table = state_table
        self._audit_table = audit_table

    def write(
        self,
        records: Sequence[ChainedRecord],
        writes: Sequence[Item] = (),
        keys: Sequence[Key] = (),
        lists: Sequence[Item] = (),
        *,
        now: int,
    ) -> None:
        """Write `records`, `writes`, `keys` and `lists` in one transaction.

        The first condition that fails decides the error: Conflict for a key, StaleWrite for another item. It is
        TakenNumber if only records fail. If another transaction is writing one of the items, it raises BlockedWrite.
        A transaction that DynamoDB throttles is repeated.
        """
        first: list[Item] = [*(self._put_record(each, now) for each in records), *writes]
        items: Any = [*first, *(self._consume(key, now) for key in keys), *lists]
        with aws_errors_as_unavailable("The store"):
            try:
                self._transact(items)
            except self._client.exceptions.TransactionCanceledException as cancelled:
                codes = _reasons(cancelled)
                if failed := [place for place, code in enumerate(codes) if code == "ConditionalCheckFailed"]:
                    if failed[-1] < len(records):
                        raise TakenNumber from cancelled
                    index = failed[0] - len(first)
                    raise (Conflict(keys[index].key) if 0 <= index < len(keys) else StaleWrite) from cancelled
                if "TransactionConflict" in codes:
                    raise BlockedWrite from cancelled
                raise

    def _transact(self, items: Any) -> None:
        """Write the items. Repeat that while throttling is the only reason against it."""
        for pause in (*PAUSES_SECONDS, None):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as cancelled:
                reasons = {*_reasons(cancelled)} - {"None"}
                if pause is None or not reasons or not reasons <= _THROTTLED:
                    raise
                clock.pause_up_to(pause)
            else:
                return

    def write_at_any_time(
        self,
        records: Sequence[ChainedRecord],
        writes: Sequence[Item] = (),
        keys: Sequence[Key] = (),
        *,
        now: int,
    ) -> None:
        """Write items, and repeat the write while other transactions write the same items.

        Raises Conflict and StaleWrite as `write`, and Problem store_busy.
        """
        for pause in (*PAUSES_SECONDS, None):
            with suppress(BlockedWrite):
                self.write(records, writes, keys, now=now)
                return
            if pause:
                clock.pause_up_to(pause)
        raise store_busy()

    def _put_record(self, record: ChainedRecord, now: int) -> Item:
        item = item_key(record.chain, sort_key(record.seq))
        item |= record_attribute(record.text) | {"expires": {"N": str(now + RECORD_RETENTION_SECONDS)}}
        item |= {name: {"S": value} for name, value in record.index}
        return {"Put": {"TableName": self._audit_table, "Item": item, "ConditionExpression": NEW}}

    def _consume(self, key: Key, now: int) -> Item:
        """Return the part of a transaction that uses a key. TTL deletes late, so the condition checks the time too."""
        if isinstance(key, GuardedWrite):
            return key.item
        if isinstance(key, Quota):
            update = {
                "TableName": self._state_table,
                "Key": item_key(key.key, "QUOTA"),
                "UpdateExpression": "SET expires = :expires ADD used_count :one",
                "ConditionExpression": "attribute_not_exists(used_count) OR used_count < :most",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":most": {"N": str(key.most)},
                    ":expires": {"N": str(key.expires_at)},
                },
            }
            return {"Update": update}
        item = item_key(key.key, SINGLE_USE) | {"payload": {"S": key.value}, "expires": {"N": str(key.expires_at)}}
        put = {
            "TableName": self._state_table,
            "Item": item,
            "ConditionExpression": f"{NEW} OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(now)}},
        }
        return {"Put": put}
