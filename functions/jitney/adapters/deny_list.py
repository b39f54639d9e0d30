"""The deny list of a role in the state table, and the lease to write it to IAM.

Items with `pk` ROLE#<role ARN>:

- `sk` DENY#<when it expires, padded>#<grant id>: one deny entry. The transaction that ends the grant adds it. So two
  grants that end at once write different items. Expired entries are not read. TTL removes them.
- `sk` LEASE: numbers the leases. `last_acquired` grows with each lease. `last_completed` is the last lease that wrote
  the whole list. `document_times` says when two of the written lists were read. IAM cannot refuse a late write. So one
  writer at a time holds the lease, for `LEASE_SECONDS`. A writer that finishes within that time cannot be overtaken.
  `busy_until` is when the lease ends. A lease whose end is too far in the future for a correct clock counts as ended.
  `written_by` names the request that acquired the lease, because the SDK repeats a request whose answer is lost
  (`first_writes`). `own_digests` are the digests of the last documents that were written, or announced before a write.
  Until `unknown_until`, a document of another table may be in IAM.

The item with `pk` ROLE# and `sk` KNOWN holds all role ARNs that targets ever had. Jitney finds the grants of a removed
target by its role ARN.
"""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jitney.adapters import clock
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.first_writes import WRITTEN_BY, new_write, own_item
from jitney.adapters.table_reads import Item, item_key, query_items, read_item, read_items, readable
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import UNKNOWN_UNIT, DenyEntry
from jitney.core.access.deny_keys import FAR_FUTURE, denied_by, denied_ids, deny_key
from jitney.core.access.document_times import DocumentTimes
from jitney.core.access.write_lease import ATTRIBUTES, LEASE_SECONDS, WriteLease, lease_of
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_CLOCK_SKEW_SECONDS = 60
"""How far the clocks of two functions may differ."""

_log = logging.getLogger(__name__)


_KNOWN = item_key("ROLE#", "KNOWN")
"""The key of the item with the ARNs of all roles that targets ever had."""


class DenyList:
    """Deny entries and leases by role. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table
        errors = client.exceptions
        self._conflicts = (errors.ConditionalCheckFailedException, errors.TransactionConflictException)

    def deny_entries(self, role_arn: str, now: int) -> list[DenyEntry]:
        """Return the deny entries of the role that are unexpired at `now` and were written before this call."""
        request = self._unexpired(role_arn, now, ProjectionExpression=_ENTRY)
        items = query_items(self._client, "The deny list", **request)
        return [entry for item in items if (entry := _entry_of(item, now))]

    def denied_ids(self, role_arn: str, now: int, most: int) -> list[str] | None:
        """Return the ids in `deny_entries`. Return None if the role has `most` entries or more.

        Reading only ids takes a quarter of the time of `deny_entries`.
        """
        with aws_errors_as_unavailable("The deny list"):
            answer = self._client.query(**self._unexpired(role_arn, now, ProjectionExpression="sk", Limit=max(1, most)))
        if "LastEvaluatedKey" in answer:
            return None
        return denied_ids([item["sk"]["S"] for item in answer["Items"]])

    def _unexpired(self, role_arn: str, now: int, **options: Any) -> dict[str, Any]:
        """Return the query for the role's entries that are unexpired at `now`."""
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :role AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":role": {"S": f"ROLE#{role_arn}"},
                ":first": {"S": deny_key(now + 1, "")},
                ":last": {"S": deny_key(FAR_FUTURE, "")},
            },
            "ConsistentRead": True,
            **options,
        }

    def known_roles(self, configured: Iterable[str]) -> frozenset[str]:
        """Add the ARNs of the `configured` roles (at least one). Return all ARNs that were ever added."""
        with aws_errors_as_unavailable("The deny list"):
            answer = self._client.update_item(
                TableName=self._table,
                Key=_KNOWN,
                UpdateExpression="ADD role_arns :configured",
                ExpressionAttributeValues={":configured": {"SS": sorted(configured)}},
                ReturnValues="ALL_NEW",
            )
        return frozenset(answer["Attributes"]["role_arns"]["SS"])

    def seen_roles(self) -> frozenset[str]:
        """Return all ARNs that `known_roles` ever added. The reconciler adds the roles of a new configuration."""
        item = read_item(self._client, "The deny list", self._table, _KNOWN)
        with readable("the roles that targets had"):
            return frozenset(item["role_arns"]["SS"]) if item else frozenset()

    def lease(self, role_arn: str) -> WriteLease:
        """Return the state of the role's leases."""
        item = read_item(self._client, "The deny list", self._table, _key(role_arn)) or {}
        try:
            return _lease_of(item)
        except Problem:  # logged
            return self._new_lease(role_arn, item)

    def _new_lease(self, role_arn: str, unreadable: Item) -> WriteLease:
        """Replace a lease that cannot be read. Otherwise no writer could acquire one, and nothing could be revoked.

        The next writer compares the document in IAM with the list, as for a table that was out of use. It denies all
        earlier sessions of the role if that document denies more.
        """
        had = {name: unreadable[name] for name in ATTRIBUTES if name in unreadable}
        lease = WriteLease(last_acquired=clock.now())  # no earlier lease has this number
        conditions = [f"{name} = :{name}" if name in had else f"attribute_not_exists({name})" for name in ATTRIBUTES]
        with aws_errors_as_unavailable("The deny list"), suppress(*self._conflicts):
            self._client.update_item(
                TableName=self._table,
                Key=_key(role_arn),
                UpdateExpression=f"SET last_acquired = :new REMOVE {', '.join(ATTRIBUTES[1:])}",
                ConditionExpression=" AND ".join(conditions),
                ExpressionAttributeValues={
                    ":new": {"N": str(lease.last_acquired)},
                    **{f":{name}": value for name, value in had.items()},
                },
            )
        return lease

    def document_times(self, role_arns: Iterable[str]) -> dict[str, DocumentTimes]:
        """Return when documents of these roles were composed. A role without any is missing."""
        keys = [_key(each) for each in dict.fromkeys(role_arns)]
        with aws_errors_as_unavailable("The deny list"):
            items = read_items(self._client, self._table, keys)
        return {item["pk"]["S"].removeprefix("ROLE#"): _lease_of(item).document_times for item in items}

    def acquire(self, role_arn: str, now: int) -> WriteLease | None:
        """Return a new lease with its number in `last_acquired`. Return None while another writer holds a lease."""
        write = new_write()
        item: Item | None
        with aws_errors_as_unavailable("The deny list"):
            try:
                item = self._client.update_item(
                    TableName=self._table,
                    Key=_key(role_arn),
                    UpdateExpression=f"SET busy_until = :until, {WRITTEN_BY} = :write ADD last_acquired :one",
                    ConditionExpression=(
                        "attribute_not_exists(busy_until) OR busy_until < :now OR busy_until > :latest"
                    ),
                    ExpressionAttributeValues={
                        ":until": {"N": str(now + LEASE_SECONDS)},
                        ":now": {"N": str(now)},
                        ":latest": {"N": str(now + LEASE_SECONDS + MOST_CLOCK_SKEW_SECONDS)},
                        ":one": {"N": "1"},
                        ":write": {"S": write},
                    },
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )["Attributes"]
            except self._conflicts as error:
                item = own_item(error, write)
        return _lease_of(item) if item else None

    def complete(self, role_arn: str, lease: WriteLease, document_digest: str) -> bool:
        """Record that the holder of `lease` wrote the whole list. Return False if another writer overtook it."""
        times = lease.document_times.with_document(lease.acquired_at)
        values: Item = {
            ":number": {"N": str(lease.last_acquired)},
            ":digest": {"S": document_digest},
            ":times": {"S": json.dumps(times)},
            ":own": {"S": json.dumps(lease.digests_with(document_digest))},
        }
        changes = (
            "SET last_completed = :number, document_digest = :digest, document_times = :times, own_digests = :own "
            "REMOVE busy_until"
        )
        return self._change_lease(role_arn, changes, values)

    def announce(self, role_arn: str, lease: WriteLease, document_digest: str) -> bool:
        """Record the digest of a document before it is written. Return False if another writer overtook the lease.

        So the table recognizes its document in IAM even if the write or its completion gets no answer.
        """
        own = {"S": json.dumps(lease.digests_with(document_digest))}
        values: Item = {":number": {"N": str(lease.last_acquired)}, ":own": own}
        return self._change_lease(role_arn, "SET own_digests = :own", values)

    def abandon(self, role_arn: str, lease: WriteLease) -> None:
        """Release the lease, so that another writer can acquire one.

        The holder has written nothing and is not writing.
        """
        self._change_lease(role_arn, "REMOVE busy_until", {":number": {"N": str(lease.last_acquired)}})

    def _change_lease(self, role_arn: str, expression: str, values: Item) -> bool:
        with aws_errors_as_unavailable("The deny list"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(role_arn),
                    UpdateExpression=expression,
                    ConditionExpression="last_acquired = :number",
                    ExpressionAttributeValues=values,
                )
            except self._conflicts:
                return False
        return True


def deny_entry_update(role_arn: str, entry: DenyEntry) -> Item:
    """Return the update that lists a deny entry, for the transaction that ends its grant."""
    return {
        "Key": item_key(f"ROLE#{role_arn}", deny_key(entry.until, entry.grant_id)),
        "UpdateExpression": "SET ended_at = :ended, denied_unit = :unit, by_operator = :operator, expires = :until, "
        "unwritten = :unwritten",
        "ExpressionAttributeValues": {
            ":ended": {"N": str(entry.ended_at)},
            ":unit": {"S": entry.unit},
            ":operator": {"BOOL": entry.by_operator},
            ":until": {"N": str(entry.until)},
            ":unwritten": {"BOOL": entry.unwritten},
        },
    }


def cut_offs_update(role_arn: str, lease: WriteLease, cut_offs: CutOffs) -> Item:
    """Return the update that stores a role's cut-offs and `unknown_until`, for the transaction that records them."""
    text = json.dumps([cut_offs.role, dict(cut_offs.units)], separators=(",", ":"))
    return {
        "Key": _key(role_arn),
        "UpdateExpression": "SET cut_offs = :cut, unknown_until = :unknown",
        "ConditionExpression": "last_acquired = :number",
        "ExpressionAttributeValues": {
            ":cut": {"S": text},
            ":unknown": {"N": str(lease.unknown_until)},
            ":number": {"N": str(lease.last_acquired)},
        },
    }


_ENTRY = "sk, ended_at, denied_unit, by_operator, unwritten"
"""The attributes that `_entry_of` reads. botocore reads a list without the others in a quarter less time."""


def _entry_of(item: Item, now: int) -> DenyEntry | None:
    """Return the entry of an item, or None if its key names no grant. A readable key is enough to deny the grant.

    If only the key can be read, the entry counts as unwritten, because nothing says that IAM has it.
    """
    if (named := denied_by(item["sk"]["S"])) is None:
        _log.error("deny entry without a grant")
        return None
    until, grant_id = named
    try:
        ended_at = min(int(item["ended_at"]["N"]), now + MOST_CLOCK_SKEW_SECONDS)  # a later end would cut off more
        unit, by_operator = item["denied_unit"]["S"], item["by_operator"]["BOOL"]
        unwritten = "unwritten" in item and item["unwritten"]["BOOL"]
    except (LookupError, TypeError, ValueError) as error:
        _log.error("unreadable deny entry", extra={"grant_id": grant_id, "error": type(error).__name__})
        return DenyEntry(grant_id, now, until, UNKNOWN_UNIT, unwritten=True)
    return DenyEntry(grant_id, ended_at, until, unit, by_operator, unwritten)


def _key(role_arn: str) -> Item:
    return item_key(f"ROLE#{role_arn}", "LEASE")


_lease_of = readable("the lease of a deny list")(lease_of)
