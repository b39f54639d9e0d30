"""What one revocation costs: its AWS calls and the items that it reads, over a state table in memory that counts."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from jitney.adapters.deny_list import DenyList, deny_entry_update
from jitney.adapters.grant_items import item_of
from jitney.adapters.store import Store
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, DenyEntry
from jitney.core.access.grant import Grant
from jitney.core.access.id_ranges import dated_id
from tests.fakes import GRANT, ROLE_ARN

PAGE_ITEMS = 5_000
"""About a megabyte of deny entries, which is a page of DynamoDB."""
GRANT_SECONDS = 900
LETTERS = str.maketrans("0189", "abcd")


def entries(count: int, now: int, ages: range, units: int = 1) -> list[DenyEntry]:
    """Return deny entries of grants for 15 minutes that began at these ages in turn, of as many units in turn.

    A grant that is older than 16 minutes has an expired entry.
    """
    found = []
    for number, age in zip(range(count), cycle(ages), strict=False):
        name = dated_id(f"g-{number:014d}".translate(LETTERS), now - age)
        until = now - age + GRANT_SECONDS + CLOCK_SKEW_SECONDS
        found.append(DenyEntry(name, min(now, now - age + 60), until, f"corp.unit-{number % units}"))
    return found


class CountingTable:
    """DynamoDB's client for the two tables of one role and one grant. It counts calls, and items that a query reads."""

    exceptions = SimpleNamespace(
        TransactionCanceledException=ClientError,
        ConditionalCheckFailedException=ClientError,
        TransactionConflictException=ClientError,
    )

    def __init__(self, grant: Grant, listed: Iterable[DenyEntry]) -> None:
        self.grant = grant
        self.calls = Counter[str]()
        self.items_read = 0
        self.lease: dict[str, Any] = {}
        self._keys: list[str] = []
        self._added: list[str] = []
        self._items: dict[str, dict[str, Any]] = {}
        for each in listed:
            self._put(deny_entry_update(grant.role_arn, each))
        self._keys = sorted(self._items)

    def reset(self) -> None:
        """Undo what calls have changed and counted."""
        for key in self._added:
            del self._keys[bisect_left(self._keys, key)], self._items[key]
        self._added, self.items_read, self.lease = [], 0, {}
        self.calls.clear()

    def query(self, **asked: Any) -> dict[str, Any]:
        self.calls["query"] += 1
        if "IndexName" in asked:
            return {"Items": []}
        assert asked["KeyConditionExpression"] == "pk = :role AND sk BETWEEN :first AND :last"
        values = asked["ExpressionAttributeValues"]
        first = bisect_left(self._keys, values[":first"]["S"])
        if "ExclusiveStartKey" in asked:
            first = bisect_right(self._keys, asked["ExclusiveStartKey"]["sk"]["S"])
        last = bisect_right(self._keys, values[":last"]["S"])
        end = first + asked.get("Limit", PAGE_ITEMS)
        page = [self._items[key] for key in self._keys[first : min(last, end)]]
        self.items_read += len(page)
        more = {"LastEvaluatedKey": page[-1]} if end < last else {}
        return {"Items": page, **more}

    def get_item(self, **asked: Any) -> dict[str, Any]:
        self.calls["get_item"] += 1
        is_grant = asked["Key"]["pk"]["S"].startswith("GRANT#")
        return {"Item": item_of(self.grant) if is_grant else self.lease}

    def update_item(self, **asked: Any) -> dict[str, Any]:
        self.calls["update_item"] += 1
        if asked["UpdateExpression"].startswith("SET busy_until"):
            number = int(self.lease.get("last_acquired", {"N": "0"})["N"]) + 1
            self.lease["last_acquired"] = {"N": str(number)}
        return {"Attributes": self.lease}

    def transact_write_items(self, **asked: Any) -> dict[str, Any]:
        self.calls["transact_write_items"] += 1
        for each in asked["TransactItems"]:
            update = each.get("Update", {})
            if update.get("Key", {}).get("sk", {}).get("S", "").startswith("DENY#"):
                known = len(self._items)
                key = self._put(update)
                if len(self._items) > known:  # an entry is written again when IAM has it
                    self._added.append(key)
                    insort(self._keys, key)
        return {}

    def _put(self, update: dict[str, Any]) -> str:
        values, key = update["ExpressionAttributeValues"], str(update["Key"]["sk"]["S"])
        members = {"ended_at": values[":ended"], "denied_unit": values[":unit"], "by_operator": values[":operator"]}
        self._items[key] = update["Key"] | members
        return key


def active_grant(now: int) -> Grant:
    """Return a grant of another unit, which an operator revokes."""
    own: dict[str, Any] = {
        "issuer": "https://idp.corp.example.com",
        "created_at": now,
        "starts_at": now,
        "expires_at": now + 900,
    }
    return replace(GRANT, unit="corp.honest", role_arn=ROLE_ARN, **own)


def use(table: CountingTable, ports: Any) -> None:
    """Have the handlers of `ports` use the table, through the real adapters."""
    ports.store = Store(table, "state", "audit")  # type: ignore[arg-type]
    ports.deny_list = DenyList(table, "state")  # type: ignore[arg-type]
