"""CloudTrail's calls in the audit table. Items are only ever added, so the order of events does not matter.

Partition k-<account>-<access key id> holds, by `sk`:

    ISSUE                the origin of the key
    ISSUE#<digest>       another claimed origin: the key is disputed, its calls are bypasses
    CALL#<event id>      a call that was not judged at once
    EXPLAINED#, BEYOND#, UNRECORDED#, BYPASS#  the verdict on a call; `line` is published
    UNISSUED#<event id>  a provisional bypass, until the key's origin becomes known

Partition k-<grant id> holds one item for each key that called in the grant's name. `sk` is account and access key id.
`calls_pk` is the partition of the key's calls. `expires` is for DynamoDB's TTL: verdicts are kept longer than the rest.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.record_items import record_attribute, record_in
from jitney.adapters.table_reads import BATCH_SIZE, NEW, Item, item_key, query_items, read_items, readable
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.core.call_lookup import CALL_INDEX, UNANSWERED
from jitney.core.integrity.publishable_items import record_at
from jitney.core.records.audit import ChainedRecord
from jitney.core.records.chain_numbers import sort_key
from jitney.core.stored_types import listed, with_types
from jitney.core.times import iso
from jitney.core.trail.call import CloudTrailCall, call_from_json, call_to_json, calls_partition, grant_keys_partition
from jitney.core.trail.call_join import CallInRecords, call_of_records
from jitney.core.trail.call_line import call_from_line, verdict_key
from jitney.core.trail.event import KeyIssuance

if TYPE_CHECKING:
    from typing import Protocol

    from types_boto3_dynamodb import DynamoDBClient

    class QueueClient(Protocol):
        """An SQS client. The project has no stubs for SQS."""

        def send_message(
            self,
            *,
            QueueUrl: str,  # noqa: N803
            MessageBody: str,  # noqa: N803
            DelaySeconds: int,  # noqa: N803
            MessageGroupId: str,  # noqa: N803
        ) -> object:
            """See the SQS API Reference, SendMessage."""


CALL_RETENTION_SECONDS = 400 * 24 * 3600
"""How long the audit table keeps a verdict: longer than the auditor's year.

Published calls are never sealed, so the table is the only evidence against a change in S3.
"""
MOST_EXPIRY_DIGITS = 11
"""The digits of the highest expiry that is read: a day that Python's dates have."""
MAX_CACHED_KEYS = 1000
"""The number of keys that a process caches."""
REQUEUE_DELAY_SECONDS = 900
"""The longest delay that SQS offers for a message."""
MOST_UNANSWERED = 50
"""The limit of failed calls that are searched for the call of an event."""
JOINED = ("EXPLAINED", "BEYOND", "UNRECORDED")
"""The kinds of verdicts on calls that a grant's session made. A dispute about the key's origin replaces them."""
VERDICTS = (*JOINED, "BYPASS", "UNISSUED")
"""All kinds of verdicts."""

RECHECK_SECONDS = 600
"""How long a process caches a key's origin."""
QUEUED_ONCE_SECONDS = 240
"""How long a process queues a key at most once. So a message arrives more than RECHECK_SECONDS after each request."""


def retention_of(attributes: Container[str]) -> int:
    """Return how long the audit table keeps an item with these attributes (seconds)."""
    return CALL_RETENTION_SECONDS if "line" in attributes else RECORD_RETENTION_SECONDS


def written_at(item: Mapping[str, Any]) -> int:
    """Return when an item was written (epoch seconds), derived from its expiry; 0 if no function writes such an expiry.

    A person who can write to the table can store any number, such as a fraction.
    """
    text = item.get("expires", {}).get("N", "")
    known = text.isascii() and text.isdecimal() and len(text) <= MOST_EXPIRY_DIGITS
    return max(0, int(text) - retention_of(item)) if known else 0


class UnjudgedCall(NamedTuple):
    """A call that needs a verdict, when it was saved (epoch seconds), and whether it is a provisional bypass."""

    call: CloudTrailCall
    since: int
    reported: bool


class Trail:
    """Calls, and the origins of their keys. Every method raises Problem unavailable if DynamoDB does not answer.

    Writing an item again changes nothing.
    """

    def __init__(self, client: "DynamoDBClient", audit_table: str) -> None:
        self._client = client
        self._table = audit_table
        self._issues: dict[tuple[str, str], tuple[int, KeyIssuance]] = {}
        self._noted: set[tuple[str, str]] = set()

    def save_key_issuance(self, issue: KeyIssuance, now: int) -> bool:
        """Save a key's origin, and return whether another origin is known.

        If another origin is known, this origin is saved as a claim.

        Other processes may learn of a claim up to RECHECK_SECONDS later. So the key's calls need a new verdict after
        that time.
        """
        text = json.dumps(issue)
        if self._put(issue.account, issue.access_key_id, "ISSUE", {"issue": text}, now):
            return False
        first = self.issue(issue.account, issue.access_key_id, now)
        if first and issue.differs(first._replace(disputed=False)):
            digest = hashlib.sha256(text.encode()).hexdigest()[:24]
            self._put(issue.account, issue.access_key_id, f"ISSUE#{digest}", {"issue": text}, now)
            del self._issues[issue.account, issue.access_key_id]
            return True
        return False

    def save_call(self, call: CloudTrailCall, now: int) -> None:
        """Save a call that has no verdict yet."""
        more = {"call": call_to_json(call), "since": str(now)}
        self._put(call.account, call.access_key_id, f"CALL#{call.event_id}", more, now)

    def save_verdict(
        self, call: CloudTrailCall, reasons: Sequence[str], line: str, now: int, *, grant_id: str = ""
    ) -> None:
        """Save and publish a verdict. Before that, add the call's key to the keys of the grant."""
        if grant_id:
            self._note_key(grant_id, call, now)
        sk = verdict_key(call.event_id, reasons)
        self._put(call.account, call.access_key_id, sk, {"line": line}, now)

    def has_verdict(self, call: CloudTrailCall, reasons: Sequence[str]) -> bool:
        """Return whether a verdict of this kind on the call is saved."""
        key = item_key(calls_partition(call.account, call.access_key_id), verdict_key(call.event_id, reasons))
        with aws_errors_as_unavailable("The trail"):
            return bool(read_items(self._client, self._table, [key]))

    def record(self, link: ChainedRecord, now: int) -> None:
        """Write the first record of a chain, unless it exists."""
        self._add({"pk": link.chain, "sk": sort_key(link.seq)}, now, record_attribute(link.text))

    def issue(self, account: str, access_key_id: str, now: int) -> KeyIssuance | None:
        """Return a key's origin, or None if it is unknown. The origin may be up to RECHECK_SECONDS old."""
        key = (account, access_key_id)
        at, known = self._issues.get(key, (0, None))
        if known and now - at < RECHECK_SECONDS:
            return known
        items = list(self._items(*key, "ISSUE"))
        with readable("the origin of an access key"):
            claims = [with_types(KeyIssuance(*listed(json.loads(each["issue"]["S"])))) for each in items]
        if not claims:
            return None
        if len(self._issues) >= MAX_CACHED_KEYS:
            self._issues.clear()
        self._issues[key] = (now, claims[0]._replace(disputed=len(claims) > 1))
        return self._issues[key][1]

    def waiting(self, account: str, access_key_id: str, *, include_explained: bool) -> Iterator[UnjudgedCall]:
        """Yield the calls with a key that wait for the key's origin, as far as they were saved before this call.

        `include_explained` also yields the calls that were joined to a grant. It is for a key with a disputed origin.

        A session can make any number of calls. So verdicts are read by their keys, and a few at a time.
        """
        key = (account, access_key_id)
        saved = (self._items(*key, f"{kind}#") for kind in ("CALL", *(JOINED if include_explained else ())))
        for items in _groups(chain.from_iterable(saved), BATCH_SIZE // len(VERDICTS)):
            pk, events = calls_partition(*key), {_event_of(item) for item in items}
            wanted = [item_key(pk, f"{kind}#{event_id}") for event_id in sorted(events) for kind in VERDICTS]
            with aws_errors_as_unavailable("The trail"):
                judged = read_items(self._client, self._table, wanted)
            with readable("a call of CloudTrail"):
                found = [*_unjudged(items, {item["sk"]["S"] for item in judged}, include_explained=include_explained)]
            yield from found

    def call_in_records(self, call_id: str) -> CallInRecords | None:
        """Return a call through the gateway as its records show it; None if it has no records."""
        found = self._query("pk = :key", {":key": call_id}, ConsistentRead=True)
        records = (record_at(each["pk"]["S"], each["sk"]["S"], record_in(each)) for each in found)
        return call_of_records([each for each in records if each])

    def unanswered_calls(self, grant_id: str, first: int, last: int) -> Iterator[CallInRecords]:
        """Yield the reads of a grant that failed without an answer between two times, in epoch seconds."""
        values = {":of": grant_id, ":first": f"{UNANSWERED}{iso(first)}", ":last": f"{UNANSWERED}{iso(last)}~"}
        found = self._query("call_of = :of AND call_at BETWEEN :first AND :last", values, IndexName=CALL_INDEX)
        for call_id in dict.fromkeys(each["pk"]["S"] for each in islice(found, MOST_UNANSWERED)):
            if recorded := self.call_in_records(call_id):
                yield recorded

    def _items(self, account: str, access_key_id: str, begins: str) -> Iterator[Item]:
        values = {":key": calls_partition(account, access_key_id), ":begins": begins}
        return self._query("pk = :key AND begins_with(sk, :begins)", values, ConsistentRead=True)

    def _query(self, condition: str, values: dict[str, str], **more: Any) -> Iterator[Item]:
        sought = {name: {"S": value} for name, value in values.items()}
        request = {"KeyConditionExpression": condition, "ExpressionAttributeValues": sought, **more}
        return query_items(self._client, "The trail", TableName=self._table, **request)

    def _note_key(self, grant_id: str, call: CloudTrailCall, now: int) -> None:
        noted = (grant_id, calls_partition(call.account, call.access_key_id))
        if noted in self._noted:
            return
        sk = f"{call.account}-{call.access_key_id or 'none'}"
        self._add({"pk": grant_keys_partition(grant_id), "sk": sk, "calls_pk": noted[1]}, now)
        if len(self._noted) >= MAX_CACHED_KEYS:
            self._noted.clear()
        self._noted.add(noted)

    def _put(self, account: str, access_key_id: str, sk: str, members: dict[str, str], now: int) -> bool:
        return self._add({"pk": calls_partition(account, access_key_id), "sk": sk, **members}, now)

    def _add(self, members: dict[str, str], now: int, more: Mapping[str, Any] = MappingProxyType({})) -> bool:
        """Add the item of these texts and `more` attributes. Return whether it was new."""
        item: Item = {name: {"S": value} for name, value in members.items()} | dict(more)
        item["expires"] = {"N": str(now + retention_of(members))}
        with aws_errors_as_unavailable("The trail"):
            try:
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression=NEW)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


class TrailQueue:
    """The queue of CloudTrail events. It also carries keys whose calls need a new verdict.

    `now` returns epoch seconds.
    """

    def __init__(self, client: "QueueClient", url: str, now: Callable[[], int]) -> None:
        self._client = client
        self._url = url
        self._now = now
        self._requeued_at: dict[tuple[str, str], int] = {}

    def requeue(self, account: str, access_key_id: str) -> None:
        """Queue a request for new verdicts on a key's saved calls. It is delivered after REQUEUE_DELAY_SECONDS.

        The key's partition is the message group, so that the queue serves all keys fairly. A group has to have a name,
        even for a call without a key.

        A process sends at most one message for each key in QUEUED_ONCE_SECONDS. Raises Problem unavailable.
        """
        now = self._now()
        if now - self._requeued_at.get((account, access_key_id), 0) < QUEUED_ONCE_SECONDS:
            return
        body = json.dumps({"judge_calls": {"account": account, "access_key_id": access_key_id}})
        group = calls_partition(account, access_key_id)
        with aws_errors_as_unavailable("The trail's queue"):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=REQUEUE_DELAY_SECONDS, MessageGroupId=group
            )
        self._requeued_at = {key: at for key, at in self._requeued_at.items() if now - at < QUEUED_ONCE_SECONDS}
        self._requeued_at[account, access_key_id] = now


def chain_id_of(parts: Sequence[str]) -> str:
    """Return a chain id derived from `parts`. So a repeated write finds the record."""
    return "r-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most this size."""
    left = iter(items)
    return iter(lambda: list(islice(left, size)), [])


def _event_of(item: Item) -> str:
    return str(item["sk"]["S"].partition("#")[2])


def _unjudged(items: Iterable[Item], judged: Container[str], *, include_explained: bool) -> Iterator[UnjudgedCall]:
    """Yield the calls of those of the items that need a verdict. `judged` are the `sk` of verdicts on these calls."""
    for item in items:
        kind, event_id = item["sk"]["S"].partition("#")[0], _event_of(item)
        if f"BYPASS#{event_id}" in judged:
            continue
        if kind in JOINED and include_explained:
            yield UnjudgedCall(call_from_line(item["line"]["S"]), 0, reported=False)
        elif kind == "CALL" and not any(f"{each}#{event_id}" in judged for each in JOINED):
            reported = f"UNISSUED#{event_id}" in judged
            yield UnjudgedCall(call_from_json(item["call"]["S"]), int(item["since"]["S"]), reported)
