"""The store: grants, audit records and once-keys in DynamoDB, where a change and its record are one transaction.

State table, by `pk` (`sk` is the kind): grants, as `jitney.adapters.grant_items` has them; once-keys and quotas.
Deny lists, holdings, reviews, votes, absences: `adapters.deny_list`, `holdings`, `pending`, `vote_history`, `absences`.
Audit table: `pk` is the chain, `sk` the number in it, `record` the text of the link. `expires` is DynamoDB's TTL.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.grant_items import grant_of, grant_update, grants_in, open_role_key, owner_key
from jitney.adapters.grant_items import item_key as grant_key
from jitney.adapters.grant_items import item_of as grant_item
from jitney.adapters.other_grants import item_key, key_of, other_grants_in, other_grants_put
from jitney.core.access.grant import OPEN_STATES, Grant, State
from jitney.core.access.other_grants import OtherGrants, OtherGrantsUpdate
from jitney.core.audit import ChainedRecord, sort_key
from jitney.core.single_use import Quota, SingleUseKey

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from jitney.adapters.deny_list import WriteLease
    from jitney.core.access.deny_document import CutOffs, DenyEntry
    from jitney.core.review.out_of_office import OutOfOffice
    from jitney.core.review.pending import PendingReviews, PendingReviewsUpdate

RECORD_RETENTION_SECONDS = 400 * 24 * 3600
"""Longer than the auditor's year; the records in S3 stay."""
PAGE_SIZE = 50
_FAR_FUTURE = 10**11
"""Later than any grant ends."""

Item = dict[str, Any]
_NONE: Mapping[str, Item] = MappingProxyType({})


class Conflict(Exception):
    """A once-key was taken before, or a quota is used up; `key` says which."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class StaleWrite(Exception):
    """The grant, or the holdings it was decided with, are no longer as they were read; nothing was written."""


class Store:
    """Grants, records and once-keys. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str, audit_table: str) -> None:
        self._client = client
        self._state_table = state_table
        self._audit_table = audit_table

    def open(
        self,
        grant: Grant,
        first: ChainedRecord,
        onces: Sequence[SingleUseKey] = (),
        *,
        holdings: Sequence[OtherGrantsUpdate] = (),
        entering: "PendingReviewsUpdate | None" = None,
        now: int,
    ) -> None:
        """Write a new grant, its first record, its once-keys and its entries: all of them or none.

        `holdings` are its entries there, `entering` the one among what its owner has under review. Raises Taken, or
        Changed when somebody else changed what it is entered in since that was read.
        """
        put = {"TableName": self._state_table, "Item": grant_item(grant), "ConditionExpression": _NEW}
        contested = {key_of(each.after.identity): other_grants_put(self._state_table, each) for each in holdings}
        if entering:
            from jitney.adapters import pending  # noqa: PLC0415 - an allowed request shall not wait for it

            contested[pending.key_of(entering.after.owner)] = pending.put_of(self._state_table, entering)
        try:
            self._write([self._put_record(first, now), {"Put": put}], onces, now, contested)
        except Conflict as taken:
            if taken.key in contested:
                raise StaleWrite from taken
            raise

    def pending(self, owner: str) -> "PendingReviews":
        """What an owner has under review, as last entered; some of it may have ended since."""
        from jitney.adapters import pending  # noqa: PLC0415 - as above

        return pending.pending_in(owner, self._item(pending.item_key(owner)))

    def holdings(self, identity: str) -> OtherGrants:
        """What is entered for an agent or a human, as last written."""
        return other_grants_in(identity, self._item(item_key(identity)))

    def save(
        self, before: Grant, after: Grant, next_link: ChainedRecord, *, denial: "DenyEntry | None" = None, now: int
    ) -> None:
        """Write a grant's change, the record of it and its denial if it has one: all or nothing.

        Raises Changed if `before` is not current.
        """
        update = grant_update(self._state_table, before, after)
        writes = [self._put_record(next_link, now), {"Update": update}, *self._besides(before, after, denial)]
        try:
            self._write(writes, (), now)
        except Conflict as taken:
            raise StaleWrite from taken

    def cut_off(self, role_arn: str, turn: "WriteLease", cut_offs: "CutOffs", link: ChainedRecord, *, now: int) -> None:
        """Note who is cut off from a role, with the record of it. Raises Changed for a turn that was overtaken."""
        from jitney.adapters.deny_list import cut_offs_update  # noqa: PLC0415 - as in _besides

        update = {"TableName": self._state_table, **cut_offs_update(role_arn, turn, cut_offs)}
        try:
            self._write([self._put_record(link, now), {"Update": update}], (), now)
        except Conflict as taken:
            raise StaleWrite from taken

    def change_out_of_office(
        self, before: "OutOfOffice | None", after: "OutOfOffice | None", link: ChainedRecord, *, now: int
    ) -> None:
        """Replace or end an absence, with the record of it. Raises Changed if `before` is not current."""
        from jitney.adapters.out_of_office import write_of  # noqa: PLC0415 - as in _besides

        try:
            self._write([self._put_record(link, now), write_of(self._state_table, before, after)], (), now)
        except Conflict as taken:
            raise StaleWrite from taken

    def record(self, link: ChainedRecord, keys: Sequence[SingleUseKey | Quota] = (), *, now: int) -> None:
        """Write a record that changes no grant, and the keys that go with it. Raises Taken."""
        self._write([self._put_record(link, now)], keys, now)

    def take(self, keys: Sequence[SingleUseKey | Quota], *, now: int) -> None:
        """Take keys before anything is done for them. Raises Taken, and then takes none."""
        self._write([], keys, now)

    def grant(self, grant_id: str) -> Grant | None:
        """The grant of that id as last written, or None."""
        return grant_of(self._item(grant_key(grant_id)))

    def grants_of(self, owner: str, after: str = "") -> tuple[list[Grant], str]:
        """One page of an owner's grants, newest first, and where the next page starts ("" at the end)."""
        start = {"ExclusiveStartKey": _start(owner, after)} if after else {}
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
        """The grants of a role that end at `until` or before and whose end is not on record, the earliest first.

        From an index that follows the table within moments: a grant that is being activated may be there twice.
        """
        found = (self._open(open_role_key(role_arn, state), 0, until) for state in sorted(OPEN_STATES))
        return merge(*found, key=lambda grant: grant.expires_at)

    def grants_in_state(self, role_arn: str, state: State, now: int) -> Iterator[Grant]:
        """The grants of a role that are pending, or active, at `now`, the earliest to end first.

        From the same index; no more is read than is asked for, but for the rest of a page.
        """
        return self._open(open_role_key(role_arn, state), now + 1, _FAR_FUTURE)

    def _open(self, key: str, since: int, until: int) -> Iterator[Grant]:
        """The grants of the index `open_by_role` under a key that end from `since` to `until`."""
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

    def held(self, key: str) -> str | None:
        """What the taker of a once-key left there, or None."""
        return item["value"]["S"] if (item := self._item(_key(key, "SINGLE_USE"))) else None

    def _besides(self, before: Grant, after: Grant, denial: "DenyEntry | None") -> Iterator[Item]:
        """The entries of ends, new votes and broken glasses: their code is nothing that who asks shall wait for."""
        if denial:
            from jitney.adapters.deny_list import deny_entry_update as denial_of  # noqa: PLC0415

            yield {"Update": {"TableName": self._state_table, **denial_of(after.role_arn, denial)}}
        if after.votes != before.votes:
            from jitney.adapters.out_of_office import checks_of  # noqa: PLC0415
            from jitney.adapters.vote_history import put_vote  # noqa: PLC0415

            cast = after.votes_since(before)
            yield from (put_vote(self._state_table, each, after) for each in cast)
            yield from checks_of(self._state_table, cast)
        if after.break_glass:
            from jitney.adapters.follow_ups import changes_of  # noqa: PLC0415

            yield from changes_of(self._state_table, before, after)

    def _item(self, key: Item) -> Item | None:
        with aws_errors_as_unavailable("The store"):
            answer = self._client.get_item(TableName=self._state_table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _put_record(self, link: ChainedRecord, now: int) -> Item:
        item = _key(link.chain, sort_key(link.seq))
        item |= {"record": {"S": link.text}, "expires": {"N": str(now + RECORD_RETENTION_SECONDS)}}
        return {"Put": {"TableName": self._audit_table, "Item": item, "ConditionExpression": _NEW}}

    def _write(
        self, writes: list[Item], keys: Sequence[SingleUseKey | Quota], now: int, contested: Mapping[str, Item] = _NONE
    ) -> None:
        """One transaction of `writes`, `keys` and `contested`. Raises Taken for the first condition that fails."""
        items: Any = [*writes, *(self._take(key, now) for key in keys), *contested.values()]
        with aws_errors_as_unavailable("The store"):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as cancelled:
                named = [*[""] * len(writes), *(key.key for key in keys)]
                raise Conflict(_first_failed(cancelled, named, list(contested))) from cancelled

    def _take(self, key: SingleUseKey | Quota, now: int) -> Item:
        """Taking a key, as one item of a transaction. TTL deletes late, so the condition looks at the time too."""
        if isinstance(key, Quota):
            update = {
                "TableName": self._state_table,
                "Key": _key(key.key, "QUOTA"),
                "UpdateExpression": "SET expires = :expires ADD taken :one",
                "ConditionExpression": "attribute_not_exists(taken) OR taken < :most",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":most": {"N": str(key.most)},
                    ":expires": {"N": str(key.expires_at)},
                },
            }
            return {"Update": update}
        put = {
            "TableName": self._state_table,
            "Item": _key(key.key, "SINGLE_USE") | {"value": {"S": key.value}, "expires": {"N": str(key.expires_at)}},
            "ConditionExpression": f"{_NEW} OR expires <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(now)}},
        }
        return {"Put": put}


_NEW = "attribute_not_exists(pk)"


def _first_failed(cancelled: ClientError, keys: list[str], contested: list[str]) -> str:
    """The key whose condition failed; of `contested`, which come last, also one that another transaction is writing.

    Re-raises when the transaction was cancelled for another reason.
    """
    reasons = [reason.get("Code") for reason in cancelled.response.get("CancellationReasons", [])]
    for reason, key in zip(reasons, [*keys, *contested], strict=False):
        if reason == "ConditionalCheckFailed":
            return key
    for reason, key in zip(reasons[len(keys) :], contested, strict=False):
        if reason == "TransactionConflict":
            return key
    raise cancelled


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _start(owner: str, after: str) -> Item:
    """The index position after the grant whose sort key is `after`, within the owner's own list only."""
    grant_id = after.partition("#")[2]
    return {"gsi_pk": {"S": owner_key(owner)}, "gsi_sk": {"S": after}} | grant_key(grant_id)
