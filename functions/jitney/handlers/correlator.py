"""Process each message of the trail's queue: a CloudTrail event, or a request for verdicts on calls."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from jitney.core.records.audit import REFUSED_EVENTS
from jitney.core.trail.event import AWS_SOURCE_PREFIX, BACKFILLED, CLOUDTRAIL_SUFFIX, RejectedEvent
from jitney.handlers.runtime.edge import event_handler, log_unhandled
from jitney.handlers.runtime.logs import about_grant, logger
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.trail.trail_events import SessionGrants, judge_calls, process_event


def receive(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Process a batch of messages. SQS delivers the failed messages again, and those for which no time is left.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    processor, grants = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False), SessionGrants(ports)
    answer = process_partial_response(
        event=dict(event), record_handler=lambda record: _process_message(record, grants, ports), processor=processor
    )
    return dict(answer)


class _OutOfTime(Exception):
    """The batch took too long, so this message was not processed."""


def _process_message(record: SQSRecord, grants: SessionGrants, ports: Ports) -> None:
    """Process one message. A malformed message is counted for the alarm and dropped, because a retry cannot help."""
    if not grants.has_time():
        raise _OutOfTime
    with about_grant():
        try:
            _dispatch(_message(record.body), record.event_source_arn.split(":")[4], grants, ports)
        except RejectedEvent as refused:
            logger.error("event refused", code=refused.code, message_id=record.message_id)
            count(REFUSED_EVENTS)
        except Exception as error:
            log_unhandled(error)  # the batch processor logs no reason
            raise


def _message(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise RejectedEvent("not_json") from None
    if not isinstance(message, Mapping):
        raise RejectedEvent("not_an_event")
    return message


def _dispatch(message: Mapping[str, Any], home: str, grants: SessionGrants, ports: Ports) -> None:
    """Process a parsed message. `home` is the queue's account as Lambda reports it."""
    match message:
        case {"judge_calls": {"account": str(account), "access_key_id": str(access_key_id)}}:
            judge_calls(account, access_key_id, grants, ports)
        case {"source": str(source)} if not source.startswith(AWS_SOURCE_PREFIX):
            raise RejectedEvent("not_by_aws")
        case {"source": str(), "account": str(account), "detail-type": str(kind), "detail": detail} if kind.endswith(
            CLOUDTRAIL_SUFFIX
        ):
            reporter = None if message.get(BACKFILLED) is True else account
            process_event(detail, reporter, home, grants, ports)
        case _:
            raise RejectedEvent("not_an_event")


NEEDS = (
    *("config", "store", "trail", "trail_queue", "trail_watches"),
    *("masks", "grant_scope", "issuing_roles", "mask_keys"),
)
handler = event_handler(receive, NEEDS)
