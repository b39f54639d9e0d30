"""Publish every record and call of the audit table's stream to Firehose, in order, at least once."""

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
"""For each attribute: the port that publishes its value, and the check of the value against the key."""
UNPUBLISHED = ({"issue"}, {"call", "since"}, {"calls_pk"})
"""Attributes of the items that join calls to grants (adapters.trail). Of these items, only verdicts are published."""
_ALWAYS = frozenset({"pk", "sk", "expires"})


def publish(event: Mapping[str, Any], ports: Ports) -> dict[str, list[dict[str, str]]]:
    """Publish a batch of stream records. Report the records that Firehose did not accept, for a retry.

    Lambda repeats the batch from the lowest reported sequence number, so records may be published twice. Their `hash`
    identifies them. https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

    Records are only added, each at its own key, and expire. IAM cannot enforce this, so any other change is reported
    and not published. S3 keeps the first version. Reported changes are not retried and block nothing.
    """
    _report([each for each in event["Records"] if _is_tampering(each)])
    failed: list[str] = []
    for attribute, (port, _) in STREAMS.items():
        written = [each for each in event["Records"] if _adds(each, attribute)]
        texts = [each["dynamodb"]["NewImage"][attribute]["S"] for each in written]
        refused = getattr(ports, port).put(texts) if texts else []
        failed += [written[index]["dynamodb"]["SequenceNumber"] for index in refused]
    if failed:
        logger.warning("not published", failed=len(failed), records=len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def _adds(change: StreamRecord, attribute: str) -> bool:
    """Return whether a change adds an item with only this attribute, whose value matches the key."""
    added, keys = _added(change), change["dynamodb"]["Keys"]
    if set(added) != {attribute} or "S" not in added[attribute]:
        return False
    belongs = STREAMS[attribute][1]
    return belongs(keys["pk"]["S"], keys["sk"]["S"], added[attribute]["S"])


def _added(change: StreamRecord) -> dict[str, dict[str, Any]]:
    """Return the attributes of the added item, except the ones that every item has. Other changes give none."""
    image = change["dynamodb"]["NewImage"] if change["eventName"] == "INSERT" else {}
    return {name: value for name, value in image.items() if name not in _ALWAYS}


def _adds_any(change: StreamRecord) -> bool:
    if set(_added(change)) in UNPUBLISHED:
        return is_calls_partition(change["dynamodb"]["Keys"]["pk"]["S"])
    return any(_adds(change, attribute) for attribute in STREAMS)


def _is_tampering(change: StreamRecord) -> bool:
    """Return whether a change is neither a proper addition nor DynamoDB's deletion of an expired item.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    by = change.get("userIdentity") or {}
    expired = (by.get("type"), by.get("principalId")) == ("Service", "dynamodb.amazonaws.com")
    return not _adds_any(change) and not (change["eventName"] == "REMOVE" and expired)


def _report(changes: Sequence[StreamRecord]) -> None:
    """Log the keys of altered items, and count them for the alarm. Never log their content."""
    for each in changes:
        keys = each["dynamodb"]["Keys"]
        logger.error("record tampered with", change=each["eventName"], chain=keys["pk"]["S"], seq=keys["sk"]["S"])
    if changes:
        with single_metric(TAMPERED, unit=MetricUnit.Count, value=len(changes)) as metric:
            metric.add_dimension("service", "jitney")


handler = event_handler(publish, ("records_stream", "calls_stream"))
