"""The store: grants, audit records and single-use keys in DynamoDB. A change and its record are one transaction.

State table: `pk` names an item, `sk` its kind. `adapters.transactions` writes single-use keys and quotas. Other modules
define the other items, such as `adapters.grant_items`, `deny_list`, `out_of_office` and `suspension_item`.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from jitney.adapters import past_verdicts
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.deny_list import cut_offs_update, deny_entry_update
from jitney.adapters.follow_ups import changes_of as follow_up_changes
from jitney.adapters.grant_items import (
    UnreadableGrant,
    grant_id_of,
    grant_key,
    grant_of,
    grant_update,
    open_role_key,
    owner_key,
    start_after,
)
from jitney.adapters.grant_items import item_of as grant_item
from jitney.adapters.grant_lists import list_put, lists_with
from jitney.adapters.out_of_office import checks_of as delegation_checks
from jitney.adapters.out_of_office import write_of as out_of_office_write
from jitney.adapters.suspension_item import suspensions_put
from jitney.adapters.table_reads import NEW, Item, item_key, query_items, query_pages, read_item, read_items
from jitney.adapters.transactions import SINGLE_USE, StaleWrite, Transactions
from jitney.adapters.unreadable_grants import (
    Report,
    readable_grant,
    readable_grants,
    report_unreadable,
    revocable_grant,
)
from jitney.adapters.vote_history import put_vote
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import GrantList, GrantListUpdate
from jitney.core.access.rejections import Rejection
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.suspensions import Suspensions
from jitney.core.access.write_lease import WriteLease
from jitney.core.quotas import Quota, SingleUseKey
from jitney.core.records.audit import ChainedRecord
from jitney.core.records.chain_numbers import UNKNOWN_RECORDS, records_in
from jitney.core.review.out_of_office import OutOfOffice

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

PAGE_SIZE = 50
_IN_ORDER = (State.PENDING, State.ACTIVE)
"""The open states in the order in which a grant has them."""
_FAR_FUTURE = 10**11
"""Later than any grant ends."""


class Store:
    """Grants, records and single-use keys. Every method raises Problem unavailable when DynamoDB does not answer.

    Lists leave out the grants that this version cannot read, and `report` them. Every other read of such a grant raises
    Problem grant_unreadable.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        state_table: str,
        audit_table: str,
        report: Report = report_unreadable,
    ) -> None:
        self._client = client
        self._report = report
        self._state_table = state_table
        self._transactions = Transactions(client, state_table, audit_table)

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
        put = {"TableName": self._state_table, "Item": grant_item(grant), "ConditionExpression": NEW}
        list_puts = [list_put(self._state_table, each) for each in lists]
        self._transactions.write([first], [{"Put": put}], keys, list_puts, now=now)

    def grant_lists(self, keys: Iterable[str]) -> dict[str, GrantList]:
        """Return the lists of grants with these keys, as last written. Some of the grants may have ended since."""
        with aws_errors_as_unavailable("The store"):
            return lists_with(self._client, self._state_table, keys)

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
        stored = self._item(grant_key(before.id)) if before.records == UNKNOWN_RECORDS else None
        if stored and records_in(stored) != UNKNOWN_RECORDS:
            raise StaleWrite
        update = grant_update(self._state_table, before, after, stored)
        related = self._related_writes(before, after, deny_entry)
        self._transactions.write([record], [{"Update": update}, *related], quotas, now=now)

    def cut_off(self, role_arn: str, lease: WriteLease, cut_offs: CutOffs, record: ChainedRecord, *, now: int) -> None:
        """Write a role's cut-offs and their record. Raises StaleWrite when another writer overtook the lease."""
        update = {"TableName": self._state_table, **cut_offs_update(role_arn, lease, cut_offs)}
        self._transactions.write([record], [{"Update": update}], now=now)

    def change_out_of_office(
        self, before: OutOfOffice | None, after: OutOfOffice | None, record: ChainedRecord, quota: Quota, *, now: int
    ) -> None:
        """Replace or end an out-of-office period, with its record.

        Raises StaleWrite if `before` is not current, Conflict when `quota` is used up, and Problem store_busy.
        """
        change = out_of_office_write(self._state_table, before, after)
        self._transactions.write_at_any_time([record], [change], [quota], now=now)

    def change_suspensions(self, before: Suspensions, after: Suspensions, record: ChainedRecord, *, now: int) -> None:
        """Replace the suspensions, with the change's record. Raises StaleWrite if `before` is not current."""
        put = suspensions_put(self._state_table, before, after, record.chain)
        self._transactions.write([record], [put], now=now)

    def record(self, record: ChainedRecord, keys: Sequence[SingleUseKey | Quota] = (), *, now: int) -> None:
        """Write a record that changes no grant, and use its keys. Raises Conflict for a used key."""
        self._transactions.write_at_any_time([record], keys=keys, now=now)

    def consume(self, keys: Sequence[SingleUseKey | Quota], *, now: int) -> None:
        """Use all keys before the work that they guard. If a key was used before, use no key and raise Conflict."""
        self._transactions.write_at_any_time([], keys=keys, now=now)

    def grant(self, grant_id: str) -> Grant | None:
        """Return the grant of that id as last written, or None."""
        return readable_grant(self._item(grant_key(grant_id)), self._report)

    def unreadable_grant(self, grant_id: str) -> Grant | None:
        """Return the part of an unreadable grant that is needed to end it; None for a readable grant.

        Raises Problem grant_unreadable if that part cannot be read either.
        """
        try:
            grant_of(self._item(grant_key(grant_id)))
        except UnreadableGrant as error:
            return revocable_grant(error.item)
        return None

    def grants_by_id(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        """Return the grants with these ids, by id, as last written. Unknown ids are missing."""
        found = (readable_grant(item, self._report) for item in self._items(grant_ids))
        return {grant.id: grant for grant in found if grant}

    def readable_grants(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        """Return the grants with these ids, as `grants_by_id`, without those that this version cannot read."""
        return {grant.id: grant for grant in readable_grants(self._items(grant_ids), self._report)}

    def _items(self, grant_ids: Iterable[str]) -> list[Item]:
        keys = map(grant_key, dict.fromkeys(grant_ids))
        with aws_errors_as_unavailable("The store"):
            return read_items(self._client, self._state_table, keys)

    def grants_of(self, owner: str, after: str = "") -> tuple[list[Grant], str]:
        """Return a page of an owner's grants, newest first, and the cursor of the next page ("" at the end)."""
        return self._newest_first(owner, PAGE_SIZE, start_after(owner, after) if after else None)

    def newest_grant(self, owner: str) -> Grant | None:
        """Return the newest grant of an owner that this version can read, or None."""
        return next(iter(self._newest_first(owner, 1)[0]), None)

    def _newest_first(self, owner: str, most: int, start: Item | None = None) -> tuple[list[Grant], str]:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        with aws_errors_as_unavailable("The store"):
            answer = self._client.query(
                TableName=self._state_table,
                IndexName="by_principal",
                KeyConditionExpression="gsi_pk = :owner",
                ExpressionAttributeValues={":owner": {"S": owner_key(owner)}},
                ScanIndexForward=False,
                Limit=most,
                **more,
            )
        last = answer.get("LastEvaluatedKey")
        return readable_grants(answer["Items"], self._report), last["gsi_sk"]["S"] if last else ""

    def open_grants(self, role_arn: str, until: int) -> Iterator[Grant]:
        """Yield the grants that end by `until` without a recorded end, the earliest first.

        Includes the grants on all roles of the target that has or had this role. The index lags behind the table by
        moments. All pending grants are read before the active ones. So a grant that is activated meanwhile may occur
        twice, and is not missed.
        """
        pending, active = (self._open(open_role_key(role_arn, state), 0, until) for state in _IN_ORDER)
        yield from merge(list(pending), active, key=lambda grant: grant.expires_at)

    def grants_in_state(self, role_arn: str, state: State, now: int) -> Iterator[Grant]:
        """Yield the pending or active grants at `now`, on the same roles as `open_grants`, the earliest end first.

        The query reads the same index, one page at a time.
        """
        return self._open(open_role_key(role_arn, state), now + 1, _FAR_FUTURE)

    def open_grant_ids(self, role_arn: str, now: int, most: int) -> frozenset[str] | None:
        """Return the ids of this role's pending and active grants, unreadable ones included, or None for over `most`.

        The index lags behind the table by moments. So a new grant may be missing.
        """
        pages = (self._open_items(open_role_key(role_arn, state), now + 1, _FAR_FUTURE) for state in _IN_ORDER)
        of_target = chain.from_iterable(chain.from_iterable(pages))
        found = (item for item in of_target if item.get("role_arn", {"S": role_arn})["S"] == role_arn)
        ids = frozenset(grant_id_of(item) for item in islice(found, most + 1))
        return None if len(ids) > most else ids

    def _open(self, key: str, since: int, until: int) -> Iterator[Grant]:
        """Yield the grants with `key` in the index `open_by_role` that end between `since` and `until`."""
        for items in self._open_items(key, since, until):
            yield from readable_grants(items, self._report)

    def _open_items(self, key: str, since: int, until: int) -> Iterator[list[Item]]:
        """Yield the items of these grants, one page at a time."""
        return query_pages(
            self._client,
            "The store",
            TableName=self._state_table,
            IndexName="open_by_role",
            KeyConditionExpression="open_role = :key AND open_until BETWEEN :since AND :until",
            ExpressionAttributeValues={
                ":key": {"S": key},
                ":since": {"S": f"{since:012d}"},
                ":until": {"S": f"{until:012d}"},
            },
        )

    def rejections(self, owner: str, role_arn: str, call: ReviewedCall | None, now: int) -> list[Rejection]:
        """Return the rejected requests of a `rejection_key` for a role, within the last day, the newest first.

        With `call`, return the rejected calls that are equal to it instead.
        """
        query = past_verdicts.rejections_query(self._state_table, owner, role_arn, call, now)
        return [past_verdicts.rejection_of(item) for item in query_items(self._client, "The store", **query)]

    def counting_approvals(self, owner: str, role_arn: str, now: int) -> tuple[str, ...]:
        """Return the ids of an owner's grants for a role's target whose approvals may count at `now`.

        The approvals are of the last 30 days, the newest first, and at most `past_verdicts.MOST_APPROVALS`. None is
        older than a revocation of such a grant, or of one that needed no review because of it.
        """
        query = past_verdicts.approvals_query(self._state_table, owner, role_arn, now)
        with aws_errors_as_unavailable("The store"):
            items = self._client.query(**query)["Items"]
        return past_verdicts.approved_grant_ids(items)

    def idempotency_value(self, key: str, now: int) -> str | None:
        """Return the payload that the use of a single-use key stored; None if the key may be used.

        TTL deletes late, so a key whose time is over counts as new, as in the transaction that uses it.
        """
        item = self._item(item_key(key, SINGLE_USE))
        return item["payload"]["S"] if item and int(item["expires"]["N"]) > now else None

    def _related_writes(self, before: Grant, after: Grant, deny_entry: DenyEntry | None) -> Iterator[Item]:
        """Yield the items that change with a grant: deny entry, new votes, approvals that end, follow-up reviews."""
        if deny_entry:
            yield {"Update": {"TableName": self._state_table, **deny_entry_update(after.role_arn, deny_entry)}}
        if after.votes != before.votes:
            cast = after.votes_since(before)
            yield from (put_vote(self._state_table, each, after) for each in cast)
            yield from delegation_checks(self._state_table, cast)
            yield from past_verdicts.put_rejection(self._state_table, before, after)
            yield from past_verdicts.put_approval(self._state_table, before, after)
        yield from past_verdicts.put_end_of_approvals(self._state_table, before, after)
        if after.break_glass:
            yield from follow_up_changes(self._state_table, before, after)

    def _item(self, key: Item) -> Item | None:
        return read_item(self._client, "The store", self._state_table, key)
