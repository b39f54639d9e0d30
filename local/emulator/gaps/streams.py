"""Lambda: how it reads DynamoDB streams."""

import time
from collections.abc import Sequence
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import dynamodb, lambda_svc

from local.emulator.gaps import roles

type Mapping = dict[str, Any]
type Record = dict[str, Any]

_attempts: dict[str, int] = {}
_sizes: dict[str, int] = {}


def partial_batches() -> None:
    """AWS retries from the first record that a partial answer names, not from the start or end of the batch.

    AWS reads the stream under the function's role. It halves a failing batch if BisectBatchOnFunctionError is set.
    After MaximumRetryAttempts, it sends the batch to the on-failure destination. ministack treats an answer with
    batchItemFailures as success, and retries failures forever.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    lambda_svc._poll_dynamodb_streams = poll


def poll() -> bool:
    """Process all mappings once. Return whether any of them had records."""
    found = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        account_token, region_token = _request_account_id.set(account), _request_region.set(region)
        try:
            found = _advance(mapping) or found
        finally:
            _request_region.reset(region_token)
            _request_account_id.reset(account_token)
    return found


def _advance(mapping: Mapping) -> bool:
    """Pass the next batch to the function, and advance as its answer says."""
    stream, identity = mapping.get("EventSourceArn", ""), mapping["UUID"]
    table = stream.split("/")[1] if ":dynamodb:" in stream and "/stream/" in stream else None
    if not table or not mapping.get("Enabled", True) or lambda_svc._esm_backoff_until.get(identity, 0) > time.time():
        return False
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None or (dynamodb._tables.get(table) or {}).get("LatestStreamArn") != stream:
        return False
    position = _position(mapping, table)
    size = min(mapping.get("BatchSize", 100), _sizes.get(identity, 10_000))
    batch = dynamodb.stream_records_since(table, position, size)
    if not batch:
        return False
    if refusal := roles.denied(function["config"]["Role"], "dynamodb:GetRecords", stream, mapping["FunctionName"]):
        mapping["LastProcessingResult"] = f"PROBLEM: {refusal}"
        lambda_svc._esm_backoff_until[identity] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
        return False
    wanted = lambda_svc._apply_filter_criteria(batch, mapping)
    outcome = lambda_svc._execute_function(function, {"Records": wanted}) if wanted else {"body": None}
    done = _done(mapping, batch, outcome)
    lambda_svc._dynamodb_stream_positions[identity] = position + done
    if done == len(batch):
        _attempts.pop(identity, None)
        _sizes.pop(identity, None)
        mapping["LastProcessingResult"] = "OK"
        return True
    _retry(mapping, function, batch[done:], outcome, position + done)
    return done > 0


def _position(mapping: Mapping, table: str) -> int:
    lambda_svc._init_stream_position(
        mapping["UUID"], mapping["EventSourceArn"], mapping.get("StartingPosition", "LATEST")
    )
    known: int = lambda_svc._dynamodb_stream_positions[mapping["UUID"]]
    return max(known, int(dynamodb.stream_start_position(table)))


def _done(mapping: Mapping, batch: Sequence[Record], outcome: dict[str, Any]) -> int:
    """Return how many records at the start of `batch` are done."""
    if outcome.get("error"):
        return 0
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return len(batch)
    body = outcome.get("body") or {}
    failures = body.get("batchItemFailures") or [] if isinstance(body, dict) else []
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    places = [numbers.index(item["itemIdentifier"]) for item in failures if item.get("itemIdentifier") in numbers]
    # An identifier that the batch does not have makes the whole batch a failure.
    return min(places, default=len(batch)) if len(places) == len(failures) else 0


def _retry(mapping: Mapping, function: Any, left: Sequence[Record], outcome: dict[str, Any], position: int) -> None:
    """Schedule a retry of `left`, halved if BisectBatchOnFunctionError is set. After the last retry, drop it."""
    identity = mapping["UUID"]
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
    if outcome.get("error") and mapping.get("BisectBatchOnFunctionError") and len(left) > 1:
        _sizes[identity] = len(left) // 2
        return
    _attempts[identity] = _attempts.get(identity, 0) + 1
    if condition := _exhausted(mapping, left):
        _give_up(mapping, function, left, outcome, condition)
        lambda_svc._dynamodb_stream_positions[identity] = position + len(left)
        _attempts.pop(identity, None)
        return
    lambda_svc._esm_backoff_until[identity] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS


def _exhausted(mapping: Mapping, left: Sequence[Record]) -> str | None:
    most, oldest = int(mapping.get("MaximumRetryAttempts", -1)), int(mapping.get("MaximumRecordAgeInSeconds", -1))
    if 0 <= most < _attempts[mapping["UUID"]]:
        return "RetryAttemptsExhausted"
    created = float(left[0]["dynamodb"].get("ApproximateCreationDateTime", time.time()))
    return "MaxRecordAgeExceeded" if 0 < oldest < time.time() - created else None


def _give_up(mapping: Mapping, function: Any, left: Sequence[Record], outcome: dict[str, Any], condition: str) -> None:
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    action = "sns:Publish" if ":sns:" in destination else "sqs:SendMessage"
    if destination and not roles.denied(function["config"]["Role"], action, destination, mapping["FunctionName"]):
        lambda_svc._send_ddb_stream_failure_record(
            mapping, function, left, mapping["EventSourceArn"], outcome, condition
        )
