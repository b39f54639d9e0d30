"""The grant and credentials for a grant id, a remembered request, or a new one."""

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
    """The grant with credentials, or as it is while it is pending. Raises Denied or GrantEnded when it has none."""
    try:
        issued = broker.credentials(grant_id)
    except ReviewPending:
        return broker.grant(grant_id)
    return GrantResponse(issued.grant, issued.credentials)


def cached_or_new_grant(
    broker: Broker, request: GrantRequest, folder: Path, command: str, *, force_new: bool = False
) -> GrantResponse:
    """The grant that an equal request got before, else a new one; `force_new` always makes a new request.

    A grant that was rejected or revoked stays so: only a person may decide to make an equal request again, and the
    problem says how, with the `command` line that came here. Of processes that start at once, one makes the request
    and the others share its grant.
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
    """The grant with its credentials, after the review if `wait`.

    Raises ReviewPending, Denied or GrantEnded when there are no credentials.
    """
    if answer.grant.state == "pending":
        if not wait:
            raise pending_problem(answer, time.time())
        answer = wait_with_progress(broker, answer, at_most)
    if answer.credentials:
        return GrantWithCredentials(answer.grant, answer.credentials)
    return broker.credentials(answer.grant.id)
