"""Fails the grant of a failed workflow. Otherwise the grant would stay pending forever (REV 13).

The approval workflow calls this function before it ends without a decision. EventBridge calls it when an execution
stopped, failed or timed out. Step Functions notifies EventBridge on a best-effort basis, so the reconciler finds missed
failures. https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from collections.abc import Mapping
from typing import Any

from jitney.handlers.ending.failed_grants import fail_review
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.ports import Ports

CODES: Mapping[str, str] = {
    "ABORTED": "review_stopped",
    "TIMED_OUT": "review_timed_out",
    "FAILED": "review_failed",
}
"""The record's code, by the status of the execution."""
LONGEST_ERROR = 100


def give_up(event: Mapping[str, Any], ports: Ports) -> dict[str, str]:
    """Fail the grant if it is still pending, and return its id and state. Idempotent.

    `event` is {"grant_id": ..., "error": the error's name} or EventBridge's "Step Functions Execution Status Change".
    Raises LookupError for an unknown grant and Problem; the caller retries both.
    """
    if "detail" in event:
        grant_id, status = event["detail"]["name"], event["detail"]["status"]
        code, error = CODES[status], status
    else:
        grant_id, code, error = event["grant_id"], CODES["FAILED"], event["error"]
    grant = ports.store.grant(grant_id)
    if grant is None:
        raise LookupError("no such grant")
    failed = fail_review(grant, code, error[:LONGEST_ERROR], ports)
    return {"grant_id": failed.id, "state": str(failed.state)}


handler = event_handler(give_up, ("store", "suspensions"))
