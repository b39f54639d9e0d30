"""The suspensions in the records of the audit table, for `jitney restore`.

The command uses these suspensions if the state table is lost. Any function can write such a record. So a recorded end
never removes a suspension: the suspension is kept, and listed for the operator.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from jitney.adapters.record_items import record_in
from jitney.core.access.request_body import MAX_NAME, MAX_REASON
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspension_names import SUSPENDABLE
from jitney.core.access.suspensions import Suspensions
from jitney.core.masking.mask_tags import MASK
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.times import epoch

CHAINS = "r-"
"""The prefix of the chains of records that belong to no grant and no call."""
RECORD_SECONDS = 900
"""A suspension is in the state table within this time after its `since`.

Most of this time allows for different clocks.
"""

_Key: TypeAlias = tuple[str, SuspensionKind, str, str]


class RecordedSuspensions(NamedTuple):
    """The suspensions that were recorded, those without a recorded end first.

    `ended` are the ids of those whose end was recorded. `masked` are suspensions whose names hold a mask. `unreadable`
    are the places of records that cannot be read: each may be of a suspension.
    """

    suspensions: Suspensions = Suspensions()
    ended: frozenset[str] = frozenset()
    masked: tuple[Suspension, ...] = ()
    unreadable: tuple[str, ...] = ()


def recorded_suspensions(
    dynamodb: Any, audit_table: str, restored_to: int, progress: Callable[[str], None]
) -> RecordedSuspensions:
    """Return the recorded suspensions that a table restored to this moment may lack. Raises what boto3 raises."""
    begun, last, ended, unreadable = dict[_Key, Suspension](), dict[_Key, int](), set[str](), list[str]()
    for number, (place, text) in enumerate(_records(dynamodb, audit_table)):
        if number % 1000 == 0:
            progress(f"reading suspensions from the audit table: {number} records")
        try:
            record = json.loads(text)
            if record["event"] != AuditEvent.SUSPENSION:
                continue
            outcome, found = Outcome(record["outcome"]), _suspension(record, json.loads(record["detail"]))
        except (LookupError, TypeError, ValueError, RecursionError):
            unreadable.append(place)  # of another version, or written by a compromised function
            continue
        if outcome is Outcome.ENDED:
            ended.add(found.id)
        elif outcome is Outcome.SET:
            key = (found.id, found.kind, found.name, found.issuer)
            begun[key] = min(begun.get(key, found), found, key=_since)  # a restore records it again, later
            last[key] = max(last.get(key, found.since), found.since)
    later = [each for key, each in begun.items() if last[key] >= restored_to - RECORD_SECONDS]
    later.sort(key=lambda each: (each.id in ended, each.since))
    masked = [each for each in later if MASK.search(each.name)]
    named = [each for each in later if each not in masked]
    suspensions = Suspensions("recorded", tuple(named))
    return RecordedSuspensions(suspensions, frozenset(ended), tuple(masked), tuple(unreadable))


def _since(suspension: Suspension) -> int:
    return suspension.since


def _suspension(record: dict[str, Any], detail: dict[str, Any]) -> Suspension:
    """Return the suspension that a record is about. Raises LookupError, TypeError or ValueError."""
    name, by, reason = (str(each) for each in (detail["name"], record["principal"], record["reason"]))
    suspension_id = str(detail["suspension"])
    known = SUSPENDABLE.fullmatch(name) or (MASK.search(name) and len(name) <= MAX_NAME)
    if not known or not 0 < len(suspension_id) <= MAX_NAME:
        raise ValueError("a suspension that no operator made")
    issuer = str(detail.get("issuer", ""))
    if len(issuer) > MAX_NAME or MASK.search(issuer):  # a part of an issuer is no issuer, so the name decides
        issuer = ""
    f"{suspension_id}{name}{by}{reason}{issuer}".encode()  # raises UnicodeEncodeError, a ValueError
    kind, since = SuspensionKind(detail["kind"]), epoch(record["time"])
    comment = MaskedComment(reason[:MAX_REASON])
    return Suspension(suspension_id, kind, name, since, by[:MAX_NAME], comment, issuer=issuer)


def _records(dynamodb: Any, audit_table: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each record that belongs to no grant and no call; "" for an unreadable text."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=audit_table,
        FilterExpression="begins_with(pk, :chains)",
        ExpressionAttributeValues={":chains": {"S": CHAINS}},
        ProjectionExpression="pk, sk, #record",
        ExpressionAttributeNames={"#record": "record"},
        ConsistentRead=True,
    )
    for page in pages:
        yield from ((f"{each['pk']['S']} {each['sk']['S']}", record_in(each)) for each in page["Items"])
