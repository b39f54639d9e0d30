"""Finds the grant and its credentials: by grant id, from an earlier equal request, or by a new request."""

import time
from pathlib import Path

from jitney.client.broker import Broker
from jitney.client.command_result import wait_with_progress
from jitney.client.grant_cache import locked_entry, request_key
from jitney.client.grant_request import GrantRequest
from jitney.client.polling import pending_problem
from jitney.client.problems import Denied, GrantEnded, ReviewPending
from jitney.client.responses import GrantResponse, GrantWithCredentials


def grant_by_id(broker: Broker, grant_id: str) -> GrantResponse:
    """Return the grant with credentials, or the pending grant.

    Raises Denied or GrantEnded when it has no credentials.
    """
    try:
        issued = broker.credentials(grant_id)
    except ReviewPending:
        return broker.grant(grant_id)
    return GrantResponse(issued.grant, issued.credentials)


def cached_or_new_grant(
    broker: Broker, request: GrantRequest, folder: Path, command: str, *, force_new: bool = False
) -> GrantResponse:
    """Return the grant of an equal earlier request, or of a new one. `force_new` always makes a new request.

    If the earlier grant was rejected or revoked, only a person may decide to request again. The problem says how, with
    the `command` line that led here. If several processes start at once, one makes the request, and the others use its
    grant.
    """
    with locked_entry(folder, request_key(request, broker.api_url, broker.identity())) as entry:
        if entry.grant_id and not force_new:
            try:
                return grant_by_id(broker, entry.grant_id)
            except GrantEnded:
                entry.remember("")
            except Denied as problem:
                again = f"To make the same request once more: {command} --new-grant > /dev/null"
                problem.fix = f"{problem.fix} {again}".lstrip()
                raise
        answer = broker.request(request)
        entry.remember(answer.grant.id)
        return answer


def wait_for_credentials(
    broker: Broker, answer: GrantResponse, *, wait: bool, at_most: float | None
) -> GrantWithCredentials:
    """Return the grant with its credentials. If `wait`, wait for the review.

    Raises ReviewPending, Denied or GrantEnded when there are no credentials.
    """
    if answer.grant.state == "pending":
        if not wait:
            raise pending_problem(answer, time.time())
        answer = wait_with_progress(broker, answer, at_most)
    if answer.credentials:
        return GrantWithCredentials(answer.grant, answer.credentials)
    return broker.credentials(answer.grant.id)
