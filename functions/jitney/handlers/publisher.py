"""Publishes every record and call of the audit table's stream to Firehose, in order, at least once."""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from jitney.core.call_lookup import CALL_INDEX_ATTRIBUTES
from jitney.core.compressed_text import decompress_text
from jitney.core.integrity.publishable_items import call_line_at, is_calls_partition, is_indexed, record_at
from jitney.core.records.audit import TAMPERED, Outcome
from jitney.core.records.record_metrics import metrics_of
from jitney.core.times import epoch
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.metrics import count, emit
from jitney.handlers.runtime.ports import Ports

StreamRecord: TypeAlias = Mapping[str, Any]

STREAMS = {"record": ("records_stream", record_at), "line": ("calls_stream", call_line_at)}
"""For each attribute: the port that publishes its text, and the reader of the text that belongs to a key."""
UNPUBLISHED = ({"issue"}, {"call", "since"}, {"calls_pk"})
"""Attributes of the items that join calls to grants (adapters.trail). Of these items, only verdicts are published."""
_ALWAYS = frozenset({"pk", "sk", "expires"})
MOST_MISDATED_SECONDS = 3600
"""How far a record's time may differ from the time of its write. A function runs for 15 minutes at most."""


class _Addition(NamedTuple):
    """The attribute of `STREAMS` that a change adds, its text and members; empty unless they match the change's key."""

    change: StreamRecord
    attribute: str = ""
    text: str = ""
    members: Mapping[str, Any] = {}


def publish(event: Mapping[str, Any], ports: Ports) -> dict[str, list[dict[str, str]]]:
    """Publish a batch of stream records. Report the records that Firehose did not accept, for a retry.

    Lambda repeats the batch from the lowest reported sequence number, so records may be published twice. Their `hash`
    identifies them. https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

    Records are only added, each at its own key, until they expire. IAM cannot enforce this, so any other change is
    reported and not published. S3 keeps the first version. Reported changes are not retried and do not block others.
    A record with a wrong time is reported and published.
    """
    additions = [_addition(each) for each in event["Records"]]
    _report([each.change for each in additions if not each.attribute and _is_tampering(each.change)])
    _report([each.change for each in additions if each.attribute == "record" and _is_misdated(each)])
    failed: list[str] = []
    for name, (port, _) in STREAMS.items():
        written = [each for each in additions if each.attribute == name]
        refused = getattr(ports, port).put([each.text for each in written]) if written else []
        failed += [written[index].change["dynamodb"]["SequenceNumber"] for index in refused]
    emit(metrics_of(_not_repeated(additions, failed)))
    if failed:
        logger.warning("not published", failed=len(failed), records=len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def _not_repeated(additions: Iterable[_Addition], failed: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the records before the first failed one. Lambda sends the others again, so they are counted later."""
    for each in additions:
        if each.change["dynamodb"]["SequenceNumber"] in failed:
            return
        if each.attribute == "record":
            yield each.members


def _addition(change: StreamRecord) -> _Addition:
    added, keys = _added(change), change["dynamodb"]["Keys"]
    index = {name: added.pop(name).get("S", "") for name in CALL_INDEX_ATTRIBUTES if name in added}
    attribute = next(iter(added)) if len(added) == 1 else ""
    if attribute in STREAMS and (text := _text(added, attribute)):
        members = STREAMS[attribute][1](keys["pk"]["S"], keys["sk"]["S"], text)
        if members and (is_indexed(members, index) if attribute == "record" else not index):
            return _Addition(change, attribute, text, members)
    return _Addition(change)


def _text(image: Mapping[str, Mapping[str, Any]], attribute: str) -> str:
    """Return the text of an attribute in the stream, where bytes are in base64; "" if it has none."""
    value = image[attribute]
    if attribute != "record":
        return str(value.get("S", ""))
    try:
        return decompress_text(base64.b64decode(value.get("B", ""), validate=True))
    except ValueError:
        return ""


def _added(change: StreamRecord) -> dict[str, dict[str, Any]]:
    """Return the attributes of the added item, except the ones that every item has.

    For other changes, there are none.
    """
    image = change["dynamodb"]["NewImage"] if change["eventName"] == "INSERT" else {}
    return {name: value for name, value in image.items() if name not in _ALWAYS}


def _is_tampering(change: StreamRecord) -> bool:
    """Return whether a change without an `_addition` is tampering.

    The addition of an unpublished item is allowed, and so is DynamoDB's own deletion of an expired item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    by = change.get("userIdentity") or {}
    if set(_added(change)) in UNPUBLISHED and is_calls_partition(change["dynamodb"]["Keys"]["pk"]["S"]):
        return False
    by_dynamodb = (by.get("type"), by.get("principalId")) == ("Service", "dynamodb.amazonaws.com")
    return not (change["eventName"] == "REMOVE" and by_dynamodb)


def _is_misdated(addition: _Addition) -> bool:
    """Return whether a record's time is not the time of its write, which the stream has.

    Refusals are counted in a process, and written when the next request comes: their time can be earlier.
    """
    members = addition.members
    if members.get("outcome") == Outcome.REFUSED:
        return False
    try:
        difference = epoch(members["time"]) - float(addition.change["dynamodb"]["ApproximateCreationDateTime"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return True
    return abs(difference) > MOST_MISDATED_SECONDS


def _report(changes: Sequence[StreamRecord]) -> None:
    """Log the keys of altered items, and count them for the alarm. Never log their content."""
    for each in changes:
        keys = each["dynamodb"]["Keys"]
        logger.error("record tampered with", change=each["eventName"], chain=keys["pk"]["S"], seq=keys["sk"]["S"])
    if changes:
        count(TAMPERED, len(changes))


handler = event_handler(publish, ("records_stream", "calls_stream"))
