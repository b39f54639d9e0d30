"""From the audit table's stream to Firehose: every record and every call, in order, at least once."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from jitney.core.audit import TAMPERED
from jitney.core.integrity.publishable_items import is_call_line, is_calls_partition, is_record
from jitney.handlers.edge import event_handler
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

StreamRecord: TypeAlias = Mapping[str, Any]

STREAMS = {"record": ("records_stream", is_record), "line": ("calls_stream", is_call_line)}
"""By an item's attribute: the port through which what is in it is published, and what it has to be at its key."""
UNPUBLISHED = ({"issue"}, {"call", "since"}, {"of"})
"""The attributes of items by which calls are joined to grants (adapters.trail): what came of them is published."""
_ALWAYS = frozenset({"pk", "sk", "expires"})


def publish(event: Mapping[str, Any], ports: Ports) -> dict[str, list[dict[str, str]]]:
    """Publish a batch of stream records; what Firehose did not take is reported back, and comes again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html: Lambda repeats the batch from
    the lowest reported sequence number on, so that some records may be published twice; `hash` tells them apart.

    Records are only ever added, each at the key that it names itself, and end by time to live. IAM cannot demand that,
    so that whatever else happens in the table is reported here, and not published: S3 keeps what was written first.
    What is reported is not asked for again, so that it holds nothing up; what was added stays in the table.
    """
    _report([each for each in event["Records"] if _is_tampering(each)])
    failed: list[str] = []
    for attribute, (port, _) in STREAMS.items():
        written = [each for each in event["Records"] if _adds(each, attribute)]
        texts = [each["dynamodb"]["NewImage"][attribute]["S"] for each in written]
        not_taken = getattr(ports, port).put(texts) if texts else []
        failed += [written[index]["dynamodb"]["SequenceNumber"] for index in not_taken]
    if failed:
        logger.warning("not published", failed=len(failed), records=len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def _adds(change: StreamRecord, attribute: str) -> bool:
    """Whether a change adds an item of this attribute alone, with what belongs at its key."""
    added, keys = _added(change), change["dynamodb"]["Keys"]
    if set(added) != {attribute} or "S" not in added[attribute]:
        return False
    belongs = STREAMS[attribute][1]
    return belongs(keys["pk"]["S"], keys["sk"]["S"], added[attribute]["S"])


def _added(change: StreamRecord) -> dict[str, dict[str, Any]]:
    """The attributes of the item that a change adds, but for those that every item has; none when it adds none."""
    image = change["dynamodb"]["NewImage"] if change["eventName"] == "INSERT" else {}
    return {name: value for name, value in image.items() if name not in _ALWAYS}


def _adds_any(change: StreamRecord) -> bool:
    if set(_added(change)) in UNPUBLISHED:
        return is_calls_partition(change["dynamodb"]["Keys"]["pk"]["S"])
    return any(_adds(change, attribute) for attribute in STREAMS)


def _is_tampering(change: StreamRecord) -> bool:
    """Whether a change neither adds a record nor is DynamoDB's own deletion of one whose time was over.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    by = change.get("userIdentity") or {}
    expired = (by.get("type"), by.get("principalId")) == ("Service", "dynamodb.amazonaws.com")
    return not _adds_any(change) and not (change["eventName"] == "REMOVE" and expired)


def _report(changes: Sequence[StreamRecord]) -> None:
    """Log the keys of records that were tampered with, and count them for the alarm; never what they say now."""
    for each in changes:
        keys = each["dynamodb"]["Keys"]
        logger.error("record tampered with", change=each["eventName"], chain=keys["pk"]["S"], seq=keys["sk"]["S"])
    if changes:
        with single_metric(TAMPERED, unit=MetricUnit.Count, value=len(changes)) as metric:
            metric.add_dimension("service", "jitney")


handler = event_handler(publish, ("records_stream", "calls_stream"))
