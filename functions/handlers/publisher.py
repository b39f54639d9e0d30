"""From the audit table's stream to Firehose: every record, in order, at least once."""

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from handlers.ports import Ports

logger = Logger(service="jitney", log_uncaught_exceptions=False)


def publish(event: Mapping[str, Any], ports: Ports) -> dict[str, list[dict[str, str]]]:
    """Publish a batch of stream records; what Firehose did not take is reported back, and comes again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html: Lambda repeats the batch from
    the lowest reported sequence number on, so that some records may be published twice; `hash` tells them apart.
    """
    written = [each for each in event["Records"] if "record" in each["dynamodb"].get("NewImage", {})]
    if not written:
        return {"batchItemFailures": []}
    failed = ports.records_stream.put([each["dynamodb"]["NewImage"]["record"]["S"] for each in written])
    if failed:
        logger.warning("not published", failed=len(failed), records=len(written))
    numbers = [written[index]["dynamodb"]["SequenceNumber"] for index in failed]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


_ports = Ports()
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _ports.build(("records_stream",))


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """The Lambda handler of `publish`."""
    return publish(event, _ports)
