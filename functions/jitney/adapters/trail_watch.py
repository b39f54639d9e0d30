"""The newest heartbeat of CloudTrail from each account, and the gaps, in one partition of the state table.

Items with `pk` TRAIL, and `sk` BROKER or TARGET#<alias>:

- `seen_at`: the time of the newest heartbeat. The correlator only raises it, unless it is ahead of every clock.
- `gap_since`, `gap_chain`, `gap_head`: the gap that lasts, if there is one.
- `ended_gaps`: JSON of [since, until] of the last gaps, the newest first.
"""

import json
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.table_reads import Item, item_key, partition_items
from jitney.adapters.transactions import Transactions
from jitney.core.trail.event import MAX_CLOCK_SKEW_SECONDS
from jitney.core.trail.gaps import GAP_SECONDS, GapChange, OpenGap, TrailGap, TrailWatch
from jitney.core.trail.heartbeat import BROKER

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

PARTITION = "TRAIL"
_BROKER, _TARGET = "BROKER", "TARGET#"


class TrailWatches:
    """Reads and writes watches. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str, audit_table: str) -> None:
        self._client = client
        self._table = state_table
        self._transactions = Transactions(client, state_table, audit_table)

    def note(self, target: str, at: int) -> None:
        """Store a heartbeat of the time `at`, unless a newer heartbeat is stored.

        A heartbeat that ends a gap whose beginning is not on record yet is dropped. Otherwise, no run of the reconciler
        would see the gap. Such a run records the beginning within minutes, and a later heartbeat ends the gap. A stored
        time that is ahead of every clock is replaced.
        """
        latest = at + GAP_SECONDS + MAX_CLOCK_SKEW_SECONDS  # `at` may be late by the length of a gap
        with aws_errors_as_unavailable("The store"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(target),
                    UpdateExpression="SET seen_at = :at",
                    ConditionExpression=(
                        "attribute_not_exists(seen_at) OR seen_at > :latest OR "
                        "(seen_at < :at AND (seen_at >= :least OR attribute_exists(gap_since)))"
                    ),
                    ExpressionAttributeValues={
                        ":at": {"N": str(at)},
                        ":least": {"N": str(at - GAP_SECONDS)},
                        ":latest": {"N": str(latest)},
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return

    def watches(self, *, consistent: bool = False) -> dict[str, TrailWatch | None]:
        """Return the watches by target; None for a watch that cannot be read, such as one of a newer version.

        A target whose heartbeats were never expected is missing.
        """
        found = partition_items(self._client, self._table, PARTITION, consistent=consistent)
        named = ((_target_of(each["sk"]["S"]), each) for each in found)
        return {target: _watch_of(target, each) for target, each in named if target is not None}

    def change(self, change: GapChange, now: int) -> None:
        """Write that a gap began or ended, with its record. Raises StaleWrite if another call did so before."""
        after = change.after
        update: Item = {"TableName": self._table, "Key": _key(after.target)}
        if after.open_gap:
            update |= {
                "UpdateExpression": "SET gap_since = :since, gap_chain = :chain, gap_head = :head",
                "ConditionExpression": "attribute_not_exists(gap_since) AND seen_at = :since",
                "ExpressionAttributeValues": {
                    ":since": {"N": str(after.open_gap.since)},
                    ":chain": {"S": after.open_gap.chain},
                    ":head": {"S": after.open_gap.chain_head},
                },
            }
        else:
            update |= {
                "UpdateExpression": "SET ended_gaps = :ended REMOVE gap_since, gap_chain, gap_head",
                "ConditionExpression": "gap_chain = :chain",
                "ExpressionAttributeValues": {
                    ":ended": {"S": json.dumps([[each.since, each.until] for each in after.ended])},
                    ":chain": {"S": change.record.chain},
                },
            }
        self._transactions.write([change.record], [{"Update": update}], now=now)


def _key(target: str) -> Item:
    return item_key(PARTITION, _BROKER if target == BROKER else _TARGET + target)


def _target_of(sort_key: str) -> str | None:
    if sort_key == _BROKER:
        return BROKER
    return sort_key.removeprefix(_TARGET) if sort_key.startswith(_TARGET) else None


def _watch_of(target: str, item: Item) -> TrailWatch | None:
    try:
        lasting = None
        if "gap_since" in item:
            lasting = OpenGap(int(item["gap_since"]["N"]), item["gap_chain"]["S"], item["gap_head"]["S"])
        ended = json.loads(item.get("ended_gaps", {"S": "[]"})["S"])
        gaps = tuple(TrailGap(target, int(since), int(until)) for since, until in ended)
        return TrailWatch(target, int(item["seen_at"]["N"]), lasting, gaps)
    except (LookupError, TypeError, ValueError):
        return None
