"""What CloudTrail told, in the audit table: items are only ever added there, so that no order of events matters.

By `pk` k-<account>-<access key id>: `sk` ISSUE is how the key came into being; CALL#<event id> a call with it that was
not judged at once; EXPLAINED#<event id> and BYPASS#<event id> what a call came to, `line` being what is published; and
UNISSUED#<event id> that it was a bypass until its key's beginning was learned late. ISSUE#<digest> is another beginning
that was told of the key: then its calls are bypasses, and what explained them before holds no longer. By `pk`
k-<grant id>: `sk` is an account and an access key id, for each key with which calls were made in the grant's name, and
`of` the `pk` of that key's calls. `expires` is DynamoDB's TTL.
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
        """An SQS client: the project has no stubs of it."""

        def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> object:  # noqa: N803
            """See the SQS API Reference, SendMessage."""


MAX_CACHED_KEYS = 1000
"""Of how many keys a process remembers what it learned."""
REQUEUE_DELAY_SECONDS = 900
"""The longest delay that SQS has for a message."""
RECHECK_SECONDS = 600
"""For how long a process asks once for a key: what was asked for comes later than what is noted meanwhile."""

Item = dict[str, Any]


class UnjudgedCall(NamedTuple):
    """A call whose key's beginning is not known, when it was learned of (epoch seconds), and whether that was told."""

    call: CloudTrailCall
    since: int
    told: bool


class Trail:
    """Calls, and the beginnings of their keys. Every method raises Problem unavailable when DynamoDB does not answer.

    What is put twice is there once, as it was first put.
    """

    def __init__(self, client: "DynamoDBClient", audit_table: str) -> None:
        self._client = client
        self._table = audit_table
        self._issues: dict[tuple[str, str], tuple[int, KeyIssuance]] = {}
        self._noted: set[tuple[str, str]] = set()

    def save_key_issuance(self, issue: KeyIssuance, now: int) -> bool:
        """Note how a key came into being, and whether another beginning of it is known: then it is noted besides.

        Another process may learn of that ASKED_SECONDS later only, so that the key has to be looked at again.
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
        """Note a call that is not judged yet."""
        more = {"call": call_to_json(call), "since": str(now)}
        self._put(call.account, call.access_key_id, f"CALL#{call.event_id}", more, now)

    def save_verdict(
        self, call: CloudTrailCall, reasons: Sequence[str], line: str, now: int, *, grant_id: str = ""
    ) -> None:
        """Note what a call came to, and publish it; before that, with which key there are calls in a grant's name."""
        if grant_id:
            self._note_key(grant_id, call, now)
        sk = verdict_key(call.event_id, reasons)
        self._put(call.account, call.access_key_id, sk, {"line": line}, now)

    def record(self, link: ChainedRecord, now: int) -> None:
        """Write the first record of a chain, unless it is there."""
        self._add({"pk": link.chain, "sk": sort_key(link.seq), "record": link.text}, now)

    def issue(self, account: str, access_key_id: str, now: int) -> KeyIssuance | None:
        """How a key came into being, if that is known; as it was known ASKED_SECONDS before `now`, or later."""
        key = (account, access_key_id)
        at, known = self._issues.get(key, (0, None))
        if known and now - at < RECHECK_SECONDS:
            return known
        told = [KeyIssuance(*json.loads(each["issue"]["S"])) for each in self._items(*key, "ISSUE")]
        if not told:
            return None
        if len(self._issues) >= MAX_CACHED_KEYS:
            self._issues.clear()
        self._issues[key] = (now, told[0]._replace(disputed=len(told) > 1))
        return self._issues[key][1]

    def waiting(self, account: str, access_key_id: str, *, anew: bool = False) -> list[UnjudgedCall]:
        """The calls with a key that wait for its beginning, all that were put before this was called.

        `anew` is that the beginning of the key's session is disputed: then those are among them that were explained.
        """
        return list(_unjudged(list(self._items(account, access_key_id)), anew=anew))

    def _items(self, account: str, access_key_id: str, begins: str = "") -> Iterator[Item]:
        key = {":key": {"S": calls_partition(account, access_key_id)}}
        such = {":begins": {"S": begins}} if begins else {}
        start: Item = {}
        while True:
            with aws_errors_as_unavailable("The trail"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :key" + (" AND begins_with(sk, :begins)" if begins else ""),
                    ExpressionAttributeValues=key | such,
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
        self._add({"pk": grant_keys_partition(grant_id), "sk": sk, "of": noted[1]}, now)
        if len(self._noted) >= MAX_CACHED_KEYS:
            self._noted.clear()
        self._noted.add(noted)

    def _put(self, account: str, access_key_id: str, sk: str, members: dict[str, str], now: int) -> bool:
        return self._add({"pk": calls_partition(account, access_key_id), "sk": sk, **members}, now)

    def _add(self, members: dict[str, str], now: int) -> bool:
        """Whether it was not there."""
        item: Item = {name: {"S": value} for name, value in members.items()}
        item["expires"] = {"N": str(now + RECORD_RETENTION_SECONDS)}
        with aws_errors_as_unavailable("The trail"):
            try:
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


class TrailQueue:
    """The queue that events come from, for what has to be looked at again. `now` gives epoch seconds."""

    def __init__(self, client: "QueueClient", url: str, now: Callable[[], int]) -> None:
        self._client = client
        self._url = url
        self._now = now
        self._asked: dict[tuple[str, str], int] = {}

    def again(self, account: str, access_key_id: str) -> None:
        """Have the calls with a key that were noted before looked at within AGAIN_SECONDS, but not for each of them.

        Raises Problem unavailable.
        """
        now = self._now()
        if now - self._asked.get((account, access_key_id), 0) < RECHECK_SECONDS:
            return
        body = json.dumps({"judge_calls": {"account": account, "access_key_id": access_key_id}})
        with aws_errors_as_unavailable("The trail's queue"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=REQUEUE_DELAY_SECONDS)
        self._asked = {key: at for key, at in self._asked.items() if now - at < RECHECK_SECONDS}
        self._asked[account, access_key_id] = now


def chain_id_of(parts: Sequence[str]) -> str:
    """The chain of a record that these alone make, so that it is written once."""
    return "r-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _unjudged(items: Iterable[Item], *, anew: bool) -> Iterator[UnjudgedCall]:
    found = {item["sk"]["S"]: item for item in items}
    again = anew or any(sk.startswith("ISSUE#") for sk in found)
    for sk, item in found.items():
        kind, _, event_id = sk.partition("#")
        if f"BYPASS#{event_id}" in found:
            continue
        if kind == "EXPLAINED" and again:
            yield UnjudgedCall(call_from_line(item["line"]["S"]), 0, told=False)
        elif kind == "CALL" and f"EXPLAINED#{event_id}" not in found:
            told = f"UNISSUED#{event_id}" in found
            yield UnjudgedCall(call_from_json(item["call"]["S"]), int(item["since"]["S"]), told)
