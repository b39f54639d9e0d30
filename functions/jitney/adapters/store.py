"""The store: grants, audit records and single-use keys in DynamoDB. A change and its record are one transaction.

State table: `pk` names an item, `sk` its kind. This module writes single-use keys and quotas. Other modules define the
other items, such as `adapters.grant_items`, `deny_list`, `out_of_office` and `suspension_item`.

Audit table: `pk` is the chain, `sk` the number in it, `record` the text of the record. `expires` is DynamoDB's TTL.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from jitney.adapters import clock
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.batch_reads import read_items
from jitney.adapters.deny_list import WriteLease, cut_offs_update, deny_entry_update
from jitney.adapters.follow_ups import changes_of as follow_up_changes
from jitney.adapters.grant_items import grant_of, grant_update, grants_in, open_role_key, owner_key, start_after
from jitney.adapters.grant_items import item_key as grant_key
from jitney.adapters.grant_items import item_of as grant_item
from jitney.adapters.grant_lists import list_put, lists_with
from jitney.adapters.out_of_office import checks_of as delegation_checks
from jitney.adapters.out_of_office import write_of as out_of_office_write
from jitney.adapters.suspension_item import suspensions_put
from jitney.adapters.vote_history import put_vote
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import OPEN_STATES, Grant, State
from jitney.core.access.grant_list import GrantList, GrantListUpdate
from jitney.core.access.suspensions import Suspensions
from jitney.core.audit import ChainedRecord, sort_key
from jitney.core.problems import Problem
from jitney.core.review.out_of_office import OutOfOffice
from jitney.core.single_use import Quota, SingleUseKey

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RECORD_RETENTION_SECONDS = 400 * 24 * 3600
"""Longer than the auditor's year. The records in S3 stay."""
PAGE_SIZE = 50
_FAR_FUTURE = 10**11
"""Later than any grant ends."""
PAUSES_SECONDS = (0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5, 0.5, 0.5)
"""The longest pause before each repeat of a write that another transaction blocks. Such a write depends on no read."""

Item = dict[str, Any]


class Conflict(Exception):
    """A single-use key was used before, or a quota is used up. `key` names it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class StaleWrite(Exception):
    """An item changed since it was read, or another transaction is writing it. Nothing was written."""


class Store:
    """Grants, records and single-use keys. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(
        self,
        client: "DynamoDBClient",
        state_table: str,
        audit_table: str,
        pause_up_to: Callable[[float], None] = clock.pause_up_to,
    ) -> None:
        self._client = client
        self._pause_up_to = pause_up_to
        self._state_table = state_table
        self._audit_table = audit_table

    def create_grant(
        self,
        grant: Grant,
        first: ChainedRecord,
        keys: Sequence[SingleUseKey | Quota] = (),
        *,
        lists: Sequence[GrantListUpdate] = (),
        now: int,
    ) -> None:
        """Write a new grant, its first record, its single-use keys and its list entries, all or nothing.

        Raises Conflict for a used key, and StaleWrite when a list changed since it was read.
        """
        put = {"TableName": self._state_table, "Item": grant_item(grant), "ConditionExpression": _NEW}
        list_puts = [list_put(self._state_table, each) for each in lists]
        self._write([self._put_record(first, now), {"Put": put}], keys, list_puts, now=now)

    def grant_lists(self, keys: Iterable[str]) -> dict[str, GrantList]:
        """Return the lists of grants with these keys, as last written. Some of the grants may have ended since."""
        with aws_errors_as_unavailable("The store"):
            return lists_with(self._client, self._state_table, keys, self._pause_up_to)

    def save(
        self,
        before: Grant,
        after: Grant,
        record: ChainedRecord,
        quotas: Sequence[Quota] = (),
        *,
        deny_entry: DenyEntry | None = None,
        now: int,
    ) -> None:
        """Write a grant's change, its record and its deny entry, and use its quotas, all or nothing.

        Raises StaleWrite if `before` is not current, and Conflict for a used quota.
        """
        update = grant_update(self._state_table, before, after)
        related = self._related_writes(before, after, deny_entry)
        self._write([self._put_record(record, now), {"Update": update}, *related], quotas, now=now)

    def cut_off(self, role_arn: str, lease: WriteLease, cut_offs: CutOffs, record: ChainedRecord, *, now: int) -> None:
        """Write a role's cut-offs and their record. Raises StaleWrite when another writer overtook the lease."""
        update = {"TableName": self._state_table, **cut_offs_update(role_arn, lease, cut_offs)}
        self._write([self._put_record(record, now), {"Update": update}], now=now)

    def change_out_of_office(
        self, before: OutOfOffice | None, after: OutOfOffice | None, record: ChainedRecord, quota: Quota, *, now: int
    ) -> None:
        """Replace or end an out-of-office period, with its record.

        Raises StaleWrite if `before` is not current, and Conflict when `quota` is used up.
        """
        change = out_of_office_write(self._state_table, before, after)
        self._write([self._put_record(record, now), change], [quota], now=now)

    def change_suspensions(self, before: Suspensions, after: Suspensions, record: ChainedRecord, *, now: int) -> None:
        """Replace the suspensions, with the change's record. Raises StaleWrite if `before` is not current."""
        self._write([self._put_record(record, now), suspensions_put(self._state_table, before, after)], now=now)

    def record(self, record: ChainedRecord, keys: Sequence[SingleUseKey | Quota] = (), *, now: int) -> None:
        """Write a record that changes no grant, and use its keys. Raises Conflict for a used key."""
        self._write_at_any_time([self._put_record(record, now)], keys, now)

    def consume(self, keys: Sequence[SingleUseKey | Quota], *, now: int) -> None:
        """Use all keys before the work that they guard. If one was used before, use none and raise Conflict."""
        self._write_at_any_time([], keys, now)

    def grant(self, grant_id: str) -> Grant | None:
        """Return the grant of that id as last written, or None."""
        return grant_of(self._item(grant_key(grant_id)))

    def grants_by_id(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        """Return the grants with these ids, by id, as last written. Unknown ids are missing."""
        keys = map(grant_key, dict.fromkeys(grant_ids))
        with aws_errors_as_unavailable("The store"):
            items = read_items(self._client, self._state_table, keys, self._pause_up_to)
        return {grant.id: grant for grant in grants_in(items)}

    def grants_of(self, owner: str, after: str = "") -> tuple[list[Grant], str]:
        """Return a page of an owner's grants, newest first, and the cursor of the next page ("" at the end)."""
        start = {"ExclusiveStartKey": start_after(owner, after)} if after else {}
        with aws_errors_as_unavailable("The store"):
            answer = self._client.query(
                TableName=self._state_table,
                IndexName="by_principal",
                KeyConditionExpression="gsi_pk = :owner",
                ExpressionAttributeValues={":owner": {"S": owner_key(owner)}},
                ScanIndexForward=False,
                Limit=PAGE_SIZE,
                **start,  # type: ignore[arg-type]
            )
        last = answer.get("LastEvaluatedKey")
        return grants_in(answer["Items"]), last["gsi_sk"]["S"] if last else ""

    def open_grants(self, role_arn: str, until: int) -> Iterator[Grant]:
        """Yield the role's grants that end by `until` without a recorded end, the earliest first.

        The index lags behind the table by moments. So a grant that is being activated may occur twice.
        """
        found = (self._open(open_role_key(role_arn, state), 0, until) for state in sorted(OPEN_STATES))
        return merge(*found, key=lambda grant: grant.expires_at)

    def grants_in_state(self, role_arn: str, state: State, now: int) -> Iterator[Grant]:
        """Yield the role's pending or active grants at `now`, the earliest end first.

        The query reads the same index, one page at a time.
        """
        return self._open(open_role_key(role_arn, state), now + 1, _FAR_FUTURE)

    def open_grant_ids(self, role_arn: str, now: int, most: int) -> frozenset[str] | None:
        """Return the ids of the role's pending and active grants, or None for more than `most`.

        The index lags behind the table by moments. So a new grant may be missing.
        """
        found = (grant for state in OPEN_STATES for grant in self.grants_in_state(role_arn, state, now))
        ids = frozenset(grant.id for grant in islice(found, most + 1))
        return None if len(ids) > most else ids

    def _open(self, key: str, since: int, until: int) -> Iterator[Grant]:
        """Yield the grants with `key` in the index `open_by_role` that end between `since` and `until`."""
        start: Item = {}
        sought = {":key": {"S": key}, ":since": {"S": f"{since:012d}"}, ":until": {"S": f"{until:012d}"}}
        while True:
            with aws_errors_as_unavailable("The store"):
                answer = self._client.query(
                    TableName=self._state_table,
                    IndexName="open_by_role",
                    KeyConditionExpression="open_role = :key AND open_until BETWEEN :since AND :until",
                    ExpressionAttributeValues=sought,
                    **start,
                )
            yield from grants_in(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def idempotency_value(self, key: str) -> str | None:
        """Return the payload that the first use of a single-use key stored, or None."""
        return item["payload"]["S"] if (item := self._item(_key(key, "SINGLE_USE"))) else None

    def _related_writes(self, before: Grant, after: Grant, deny_entry: DenyEntry | None) -> Iterator[Item]:
        """Yield the items that change with a grant: deny entry, new votes, follow-up reviews."""
        if deny_entry:
            yield {"Update": {"TableName": self._state_table, **deny_entry_update(after.role_arn, deny_entry)}}
        if after.votes != before.votes:
            cast = after.votes_since(before)
            yield from (put_vote(self._state_table, each, after) for each in cast)
            yield from delegation_checks(self._state_table, cast)
        if after.break_glass:
            yield from follow_up_changes(self._state_table, before, after)

    def _item(self, key: Item) -> Item | None:
        with aws_errors_as_unavailable("The store"):
            answer = self._client.get_item(TableName=self._state_table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _put_record(self, record: ChainedRecord, now: int) -> Item:
        item = _key(record.chain, sort_key(record.seq))
        item |= {"record": {"S": record.text}, "expires": {"N": str(now + RECORD_RETENTION_SECONDS)}}
        return {"Put": {"TableName": self._audit_table, "Item": item, "ConditionExpression": _NEW}}

    def _write(
        self, writes: list[Item], keys: Sequence[SingleUseKey | Quota] = (), lists: Sequence[Item] = (), *, now: int
    ) -> None:
        """Write `writes`, `keys` and `lists` in one transaction.

        The first condition that fails decides the error: Conflict for a key, StaleWrite for another item. If another
        transaction is writing one of the items, it raises StaleWrite.
        """
        items: Any = [*writes, *(self._consume(key, now) for key in keys), *lists]
        with aws_errors_as_unavailable("The store"):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as cancelled:
                codes = [reason.get("Code") for reason in cancelled.response.get("CancellationReasons", [])]
                if "ConditionalCheckFailed" in codes:
                    index = codes.index("ConditionalCheckFailed") - len(writes)
                    raise (Conflict(keys[index].key) if 0 <= index < len(keys) else StaleWrite) from cancelled
                if "TransactionConflict" in codes:
                    raise StaleWrite from cancelled
                raise

    def _write_at_any_time(self, writes: list[Item], keys: Sequence[SingleUseKey | Quota], now: int) -> None:
        """Write items that depend on no read. Repeat the write while other transactions write the same items."""
        for pause in (*PAUSES_SECONDS, None):
            with suppress(StaleWrite):
                self._write(writes, keys, now=now)
                return
            if pause:
                self._pause_up_to(pause)
        raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")

    def _consume(self, key: SingleUseKey | Quota, now: int) -> Item:
        """Return the part of a transaction that uses a key. TTL deletes late, so the condition checks the time too."""
        if isinstance(key, Quota):
            update = {
                "TableName": self._state_table,
                "Key": _key(key.key, "QUOTA"),
                "UpdateExpression": "SET expires = :expires ADD used_count :one",
                "ConditionExpression": "attribute_not_exists(used_count) OR used_count < :most",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":most": {"N": str(key.most)},
                    ":expires": {"N": str(key.expires_at)},
                },
            }
            return {"Update": update}
        put = {
            "TableName": self._state_table,
            "Item": _key(key.key, "SINGLE_USE") | {"payload": {"S": key.value}, "expires": {"N": str(key.expires_at)}},
            "ConditionExpression": f"{_NEW} OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(now)}},
        }
        return {"Put": put}


_NEW = "attribute_not_exists(pk)"


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
