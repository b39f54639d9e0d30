"""The gateway's calls that change something, in the state and audit tables, and AWS's kept answers.

- `pk` CALL_KEY#<owner>#<hash of the Idempotency-Key>, `sk` CALL_KEY: the `call` as JSON, its `call_id`, and the number
  of its `records`, for conditions. One read with the grant finds the earlier attempt.
- `pk` BUDGET#<grant id>, `sk` BUDGET: what the grant's calls have used. `m<minute>` counts the calls of a minute, and
  `w<number>` is when a place for calls in flight is free again.
- In the table of answers, `pk` ANSWER#<owner>#<call id>: the masked `answer`, compressed JSON.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.grant_items import grant_key, grant_update
from jitney.adapters.record_items import record_in
from jitney.adapters.suspension_item import SUSPENSIONS_KEY, SuspensionStore
from jitney.adapters.table_reads import NEW, Item, item_key, read_item, read_items, readable
from jitney.adapters.transactions import Conflict, GuardedWrite, Transactions, store_busy
from jitney.adapters.unreadable_grants import readable_grant
from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import Suspensions
from jitney.core.compressed_text import compress_text, decompress_text
from jitney.core.gateway.budgets import COUNTED, BudgetUse, CallBudget, budget_key, lease_end, minute_of
from jitney.core.gateway.call_state import CallAttempt, CallState
from jitney.core.gateway.recorded_state import NEWEST_RECORDS, RecordedState, recorded_state
from jitney.core.integrity.publishable_items import record_at
from jitney.core.records.audit import ChainedRecord
from jitney.core.stored_types import with_types

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 10
"""How often a call tries to take a place for calls in flight, when other calls take the same place each time."""
_BUDGET_SECONDS = 24 * 3600
"""How long a budget is kept after a call: longer than any grant. Each call of the grant restarts this time."""
_AS_READ = "records = :had AND call_id = :call"
_USED = re.compile(rf"{'|'.join(COUNTED)}|[mw][0-9]+")
"""The attributes of a budget."""


class CallContext(NamedTuple):
    """What a call depends on, as last written. `attempt` is the earlier attempt under the same key.

    A suspension may have ended `stored_grant`. So callers read it through `AuthenticatedRequest.own`.
    """

    stored_grant: Grant | None
    suspensions: Suspensions
    budget: CallBudget
    attempt: CallAttempt | None


class ApprovedUse(NamedTuple):
    """The use of a reviewed call's approval: its grant before and after, and the record of this change."""

    before: Grant
    after: Grant
    record: ChainedRecord


class CallStore:
    """Reads and writes calls. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(
        self,
        client: "DynamoDBClient",
        state_table: str,
        audit_table: str,
        answers_table: str,
        suspensions: SuspensionStore,
    ) -> None:
        self._client = client
        self._state_table = state_table
        self._audit_table = audit_table
        self._answers_table = answers_table
        self._suspensions = suspensions
        self._transactions = Transactions(client, state_table, audit_table)

    def read(self, grant_id: str, owner: str, key: str, now: int) -> CallContext:
        """Return what a call of `owner` under `key` (its hash) depends on. One request reads all of it."""
        keys = [grant_key(grant_id), SUSPENSIONS_KEY, _budget_item_key(grant_id), _attempt_key(owner, key)]
        with aws_errors_as_unavailable("The store"):
            items = read_items(self._client, self._state_table, keys)
        grant, suspensions, budget, attempt = (
            next((item for item in items if item["pk"] == each["pk"]), None) for each in keys
        )
        return CallContext(
            readable_grant(grant), self._suspensions.parsed(suspensions), budget_of(budget), _attempt_of(attempt, now)
        )

    def attempt(self, owner: str, key: str, now: int) -> CallAttempt | None:
        """Return the attempt of `owner` under `key` (its hash), or None."""
        return _attempt_of(self._item(_attempt_key(owner, key)), now)

    def recorded_state(self, call_id: str) -> RecordedState | None:
        """Return the state of a call from its records.

        Return None for an unknown call, and for a call that only read.
        """
        with aws_errors_as_unavailable("The audit table"):
            found = self._client.query(
                TableName=self._audit_table,
                KeyConditionExpression="pk = :chain",
                ExpressionAttributeValues={":chain": {"S": call_id}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=NEWEST_RECORDS,
            )["Items"]
        records = (record_at(each["pk"]["S"], each["sk"]["S"], record_in(each)) for each in found)
        return recorded_state([each for each in records if each])

    def begin(
        self,
        attempt: CallAttempt,
        record: ChainedRecord,
        use: BudgetUse,
        budget: CallBudget,
        approval: ApprovedUse | None = None,
        *,
        now: int,
    ) -> int | None:
        """Write that a call is being sent, with its record, its budget and the use of its approval, all or nothing.

        `budget` is the budget as read. Returns the place for calls in flight that the call took. `finish` has to free
        it.

        Raises StaleWrite when another execution took the key first, or when the approval changed. Raises Problem
        call_budget_used or rate_limited.
        """
        if attempt.state is not CallState.SENDING:
            raise ValueError("a call that is being sent has the state sent")
        writes = [self._put_attempt(attempt, now)]
        records = [record]
        if approval:
            records.append(approval.record)
            writes.append({"Update": grant_update(self._state_table, approval.before, approval.after)})
        return self._write_within_budget(records, writes, use, budget, now)

    def finish(
        self,
        attempt: CallAttempt | None,
        record: ChainedRecord,
        use: BudgetUse,
        answer: str | None = None,
        *,
        now: int,
    ) -> None:
        """Write the outcome of a call with its record and its budget. `attempt` is None for a call that only read.

        `answer` is the text to keep of AWS's answer (`core.gateway.kept_answers`). Raises Problem call_budget_used or
        rate_limited, and writes nothing, if the grant has too little budget left.
        """
        writes = [self._put_attempt(attempt, now)] if attempt else []
        if attempt and answer is not None:
            item = {
                **_answer_key(attempt),
                "answer": {"B": compress_text(answer)},
                "expires": {"N": str(attempt.answer_until)},
            }
            writes.append({"Put": {"TableName": self._answers_table, "Item": item}})
        self._write_within_budget([record], writes, use, CallBudget(), now)

    def kept_answer(self, attempt: CallAttempt, now: int) -> dict[str, Any] | None:
        """Return the answer that was kept for a call, or None. Raises Problem item_unreadable as `readable`."""
        found = read_item(self._client, "The store of answers", self._answers_table, _answer_key(attempt))
        with readable("the answer that was kept for this call"):
            if found is None or int(found["expires"]["N"]) <= now:
                return None
            answer: dict[str, Any] = json.loads(decompress_text(found["answer"]["B"]))
            return answer

    def budget(self, grant_id: str) -> CallBudget:
        """Return what the grant's calls have used."""
        return budget_of(self._item(_budget_item_key(grant_id)))

    def _put_attempt(self, attempt: CallAttempt, now: int) -> Item:
        """Return the part of a transaction that writes a call, unless its item changed since it was read."""
        item = _attempt_key(attempt.owner, attempt.key) | {
            "call": {"S": json.dumps(asdict(attempt), separators=(",", ":"))},
            "call_id": {"S": attempt.call_id},
            "records": {"N": str(attempt.records)},
            "expires": {"N": str(attempt.expires_at)},
        }
        put: Item = {"TableName": self._state_table, "Item": item}
        if attempt.records == 1:
            put |= {"ConditionExpression": f"{NEW} OR expires <= :now"}
            put |= {"ExpressionAttributeValues": {":now": {"N": str(now)}}}
        else:
            put |= {"ConditionExpression": _AS_READ}
            had = {":had": {"N": str(attempt.records - 1)}, ":call": {"S": attempt.call_id}}
            put |= {"ExpressionAttributeValues": had}
        return {"Put": put}

    def _write_within_budget(
        self, records: Sequence[ChainedRecord], writes: Sequence[Item], use: BudgetUse, budget: CallBudget, now: int
    ) -> int | None:
        """Write, and return the place for calls in flight that was taken.

        If the budget's condition fails, the budget is read again. If enough is left, another call took the same place
        at the same time. The write is then repeated with another place.
        """
        for _ in range(_ATTEMPTS):
            place = budget.place(use, now)
            guarded = [] if use.is_nothing else [GuardedWrite(use.key, self._update_budget(use, place, now))]
            try:
                self._transactions.write_at_any_time(records, writes, guarded, now=now)
            except Conflict:
                budget = self.budget(use.grant_id)
                budget.require_left(use, now)
            else:
                return place
        raise store_busy()

    def _update_budget(self, use: BudgetUse, place: int | None, now: int) -> Item:
        """Return the part of a transaction that uses a budget. It fails if too little is left."""
        adds, sets, removes, conditions = [], ["expires = :expires"], [], []
        values: Item = {":expires": {"N": str(now + _BUDGET_SECONDS)}}
        rooms = [(name, amount, limit - amount) for name, amount, limit in use.limited()]
        if use.counts_minute:
            rooms.append((f"m{minute_of(now)}", use.calls, use.limits.calls_per_minute - use.calls))
        for name, amount, room in rooms:
            adds.append(f"{name} :{name}")
            # An amount above the limit makes `room` negative. Then neither a missing nor a stored number may pass.
            unused = f"attribute_not_exists({name}) OR " if room >= 0 else ""
            conditions.append(f"({unused}{name} <= :{name}_room)")
            values |= {f":{name}": {"N": str(amount)}, f":{name}_room": {"N": str(room)}}
        if use.takes_lease:
            taken = f"w{0 if place is None else place}"
            sets.append(f"{taken} = :until")
            conditions.append(f"(attribute_not_exists({taken}) OR {taken} <= :now)")
            values |= {":until": {"N": str(lease_end(now))}, ":now": {"N": str(now)}}
        if use.ends_lease is not None:
            removes.append(f"w{use.ends_lease}")
        parts = {"SET": sets, "ADD": adds, "REMOVE": removes}
        update: Item = {
            "TableName": self._state_table,
            "Key": _budget_item_key(use.grant_id),
            "UpdateExpression": " ".join(f"{verb} {', '.join(each)}" for verb, each in parts.items() if each),
            "ExpressionAttributeValues": values,
        }
        return {"Update": update | ({"ConditionExpression": " AND ".join(conditions)} if conditions else {})}

    def _item(self, key: Item) -> Item | None:
        return read_item(self._client, "The store", self._state_table, key)


@readable("what the calls of this grant have used")
def budget_of(item: Item | None) -> CallBudget:
    """Return the budget in its item. Without an item, nothing was used. Raises Problem item_unreadable as `readable`.

    A number of another type does not count as unused. Attributes that a later version added are ignored.
    """
    numbers = {name: int(value["N"]) for name, value in (item or {}).items() if _USED.fullmatch(name)}
    return CallBudget(
        {name: numbers[name] for name in COUNTED if name in numbers},
        {int(name[1:]): count for name, count in numbers.items() if name[0] == "m"},
        {int(name[1:]): until for name, until in numbers.items() if name[0] == "w"},
    )


@readable("the earlier call with this Idempotency-Key")
def _attempt_of(item: Item | None, now: int) -> CallAttempt | None:
    """Return the call of an item. TTL deletes late, so a key whose time is over counts as unknown.

    Raises Problem item_unreadable as `readable`.
    """
    if item is None or int(item["expires"]["N"]) <= now:
        return None
    stored = json.loads(item["call"]["S"])
    members = {each.name: stored[each.name] for each in fields(CallAttempt) if each.name in stored}
    return with_types(CallAttempt(**members | {"state": CallState(stored["state"])}))


def _attempt_key(owner: str, key: str) -> Item:
    return item_key(f"CALL_KEY#{owner}#{key}", "CALL_KEY")


def _answer_key(attempt: CallAttempt) -> Item:
    return {"pk": {"S": f"ANSWER#{attempt.owner}#{attempt.call_id}"}}


def _budget_item_key(grant_id: str) -> Item:
    return item_key(budget_key(grant_id), "BUDGET")
