"""A rule as in docs/siem.md receives S3's event about each new file of records."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import waited
from conformance.checks.queues import new_name, queue_for
from conformance.system import ConformanceSystem, new_agent

MOST_WAIT_SECONDS = 300.0
"""Firehose writes a file within a minute. A new rule may take minutes until EventBridge uses it."""
PAUSE_SECONDS = 5.0


def record_events(system: ConformanceSystem) -> Observation:
    """Return what the event about the file with a new grant's record says, and when it arrived."""
    s3 = system.client("s3")
    with _queue(system) as received:
        # An event before the rule is in use is lost, so a grant is requested until one arrives.
        asked: dict[str, float] = {}

        def found() -> dict[str, Any] | None:
            asked[system.read_grant(new_agent())["grant"]["id"]] = time.monotonic()
            return next((each for each in received() if _grants_in(s3, each["detail"]) & asked.keys()), None)

        event = waited(found, "an event about a file with the record of a grant", MOST_WAIT_SECONDS, PAUSE_SECONDS)
        first = min(asked[each] for each in _grants_in(s3, event["detail"]) & asked.keys())
        took = time.monotonic() - first
    detail = event["detail"]
    facts = {
        "type": event["detail-type"],
        "own_bucket": detail["bucket"]["name"] == system.outputs["RecordsBucket"],
        "prefix": detail["object"]["key"].partition("/")[0],
        "names_a_grant": any(each in json.dumps(event) for each in asked),
    }
    if facts != {"type": "Object Created", "own_bucket": True, "prefix": "records", "names_a_grant": False}:
        raise CheckFailedError(f"the event is not as expected: {facts}", facts)
    return Observation(facts, {"arrived_after_seconds": round(took)})


def _grants_in(s3: Any, detail: dict[str, Any]) -> set[str]:
    """Return the ids of the grants in the file that an event names."""
    body = s3.get_object(Bucket=detail["bucket"]["name"], Key=detail["object"]["key"])["Body"].read()
    return {str(json.loads(line).get("grant_id")) for line in body.splitlines()}


@contextmanager
def _queue(system: ConformanceSystem) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Yield a function that receives the next events of a rule and a queue, which are deleted afterwards."""
    name = new_name()
    rule_arn = f"arn:{system.partition}:events:{system.region}:{system.account}:rule/{name}"
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [system.outputs["RecordsBucket"]]},
            "object": {"key": [{"prefix": "records/"}, {"prefix": "calls/"}]},
        },
    }
    events = system.client("events")
    with queue_for(system, name, "events", rule_arn) as queue:
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
        try:
            yield queue.received
        finally:
            events.remove_targets(Rule=name, Ids=["queue"])
            events.delete_rule(Name=name)
