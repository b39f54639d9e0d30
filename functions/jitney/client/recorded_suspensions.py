"""The suspensions in force according to the records of the audit table, for `jitney restore`.

It takes them over when the state table that had them is lost.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from jitney.adapters.record_items import record_in
from jitney.core.access.suspensions import Suspension, SuspensionKind, Suspensions
from jitney.core.audit import AuditEvent, Outcome
from jitney.core.times import epoch

CHAINS = "r-"
"""How the chain of a record that belongs to no grant and no call begins."""


def recorded_suspensions(dynamodb: Any, audit_table: str, progress: Callable[[str], None]) -> Suspensions:
    """Return the suspensions that were recorded, and whose end was not. Raises what boto3 raises."""
    begun, ended = dict[str, Suspension](), set[str]()
    for number, text in enumerate(_records(dynamodb, audit_table)):
        if number % 1000 == 0:
            progress(f"reading suspensions from the audit table: {number} records")
        with suppress(LookupError, TypeError, ValueError):  # a function may write anything into a chain of its own
            record = json.loads(text)
            if record["event"] != AuditEvent.SUSPENSION:
                continue
            suspension = _suspension(record, json.loads(record["detail"]))
            if record["outcome"] == Outcome.ENDED:
                ended.add(suspension.id)
            elif record["outcome"] == Outcome.SET:
                first = begun.setdefault(suspension.id, suspension)
                if suspension.since < first.since:  # the later ones are of a restore, which renews it
                    begun[suspension.id] = suspension
    entries = sorted((each for each in begun.values() if each.id not in ended), key=lambda each: each.since)
    return Suspensions("recorded", tuple(entries))


def _suspension(record: dict[str, Any], detail: dict[str, Any]) -> Suspension:
    """Return the suspension that a record is about. Raises LookupError, TypeError or ValueError."""
    name, by, reason = (str(each) for each in (detail["name"], record["principal"], record["reason"]))
    since = epoch(record["time"])
    return Suspension(str(detail["suspension"]), SuspensionKind(detail["kind"]), name, since, by, reason)


def _records(dynamodb: Any, audit_table: str) -> Iterator[str]:
    """Yield the text of each readable record of the table that belongs to no grant and no call."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=audit_table,
        FilterExpression="begins_with(pk, :chains)",
        ExpressionAttributeValues={":chains": {"S": CHAINS}},
        ProjectionExpression="#record",
        ExpressionAttributeNames={"#record": "record"},
        ConsistentRead=True,
    )
    for page in pages:
        yield from filter(None, map(record_in, page["Items"]))
