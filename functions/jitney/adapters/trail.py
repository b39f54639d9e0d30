"""CloudTrail's calls in the audit table. Items are only ever added, so the order of events does not matter.

Partition k-<account>-<access key id> holds, by `sk`:

    ISSUE                the origin of the key
    ISSUE#<digest>       another claimed origin: the key is disputed, its calls are bypasses
    CALL#<event id>      a call that was not judged at once
    EXPLAINED#, BYPASS#  the verdict on a call; `line` is published
    UNISSUED#<event id>  a provisional bypass, until the key's origin becomes known

Partition k-<grant id> holds one item for each key that called in the grant's name. `sk` is account and access key id.
`calls_pk` is the partition of the key's calls. `expires` is for DynamoDB's TTL.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.store import RECORD_RETENTION_SECONDS
from jitney.core.audit import ChainedRecord, sort_key
from jitney.core.trail.call import CloudTrailCall, call_from_json, call_to_json, calls_partition, grant_keys_partition
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


MAX_CACHED_KEYS = 1000
"""The number of keys that a process caches."""
REQUEUE_DELAY_SECONDS = 900
"""The longest delay that SQS offers for a message."""
RECHECK_SECONDS = 600
"""How long a process caches a key's origin. In this time it requeues a key at most once."""

Item = dict[str, Any]


class UnjudgedCall(NamedTuple):
    """A call to judge, the time when it was saved (epoch seconds), and whether it is a published provisional bypass."""

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

        Other processes may learn of a claim up to RECHECK_SECONDS later. So the key must be judged again after that
        time.
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
        """Save a call that has not been judged yet."""
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

    def record(self, link: ChainedRecord, now: int) -> None:
        """Write the first record of a chain, unless it exists."""
        self._add({"pk": link.chain, "sk": sort_key(link.seq), "record": link.text}, now)

    def issue(self, account: str, access_key_id: str, now: int) -> KeyIssuance | None:
        """Return a key's origin, or None if it is unknown. The answer may be up to RECHECK_SECONDS old."""
        key = (account, access_key_id)
        at, known = self._issues.get(key, (0, None))
        if known and now - at < RECHECK_SECONDS:
            return known
        claims = [KeyIssuance(*json.loads(each["issue"]["S"])) for each in self._items(*key, "ISSUE")]
        if not claims:
            return None
        if len(self._issues) >= MAX_CACHED_KEYS:
            self._issues.clear()
        self._issues[key] = (now, claims[0]._replace(disputed=len(claims) > 1))
        return self._issues[key][1]

    def waiting(self, account: str, access_key_id: str, *, include_explained: bool = False) -> list[UnjudgedCall]:
        """Return the calls with a key that wait for the key's origin. All calls saved before are included.

        `include_explained` is for a key with a disputed origin. It includes the calls that were explained.
        """
        return list(_unjudged(list(self._items(account, access_key_id)), include_explained=include_explained))

    def _items(self, account: str, access_key_id: str, begins: str = "") -> Iterator[Item]:
        key = {":key": {"S": calls_partition(account, access_key_id)}}
        prefix = {":begins": {"S": begins}} if begins else {}
        start: Item = {}
        while True:
            with aws_errors_as_unavailable("The trail"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :key" + (" AND begins_with(sk, :begins)" if begins else ""),
                    ExpressionAttributeValues=key | prefix,
                    ConsistentRead=True,
                    **start,
                )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

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

    def _add(self, members: dict[str, str], now: int) -> bool:
        """Add the item. Return whether it was new."""
        item: Item = {name: {"S": value} for name, value in members.items()}
        item["expires"] = {"N": str(now + RECORD_RETENTION_SECONDS)}
        with aws_errors_as_unavailable("The trail"):
            try:
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


class TrailQueue:
    """The queue of CloudTrail events. It also carries keys to judge again. `now` returns epoch seconds."""

    def __init__(self, client: "QueueClient", url: str, now: Callable[[], int]) -> None:
        self._client = client
        self._url = url
        self._now = now
        self._requeued_at: dict[tuple[str, str], int] = {}

    def requeue(self, account: str, access_key_id: str) -> None:
        """Queue a request to judge a key's saved calls again. It is delivered after REQUEUE_DELAY_SECONDS.

        The key is the message group, so that the queue serves all keys fairly.

        A process sends at most one message for each key in RECHECK_SECONDS. Raises Problem unavailable.
        """
        now = self._now()
        if now - self._requeued_at.get((account, access_key_id), 0) < RECHECK_SECONDS:
            return
        body = json.dumps({"judge_calls": {"account": account, "access_key_id": access_key_id}})
        with aws_errors_as_unavailable("The trail's queue"):
            self._client.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=REQUEUE_DELAY_SECONDS, MessageGroupId=access_key_id
            )
        self._requeued_at = {key: at for key, at in self._requeued_at.items() if now - at < RECHECK_SECONDS}
        self._requeued_at[account, access_key_id] = now


def chain_id_of(parts: Sequence[str]) -> str:
    """Return a chain id derived from `parts`. A repeated write then finds the record already there."""
    return "r-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _unjudged(items: Iterable[Item], *, include_explained: bool) -> Iterator[UnjudgedCall]:
    found = {item["sk"]["S"]: item for item in items}
    rejudge = include_explained or any(sk.startswith("ISSUE#") for sk in found)
    for sk, item in found.items():
        kind, _, event_id = sk.partition("#")
        if f"BYPASS#{event_id}" in found:
            continue
        if kind == "EXPLAINED" and rejudge:
            yield UnjudgedCall(call_from_line(item["line"]["S"]), 0, reported=False)
        elif kind == "CALL" and f"EXPLAINED#{event_id}" not in found:
            reported = f"UNISSUED#{event_id}" in found
            yield UnjudgedCall(call_from_json(item["call"]["S"]), int(item["since"]["S"]), reported)
