"""From an ask, a grant id or the memory of one to credentials."""

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
    """The grant with credentials, or as it is while it is pending. Raises Denied or Ended when it gives none."""
    try:
        issued = broker.credentials(grant_id)
    except ReviewPending:
        return broker.grant(grant_id)
    return GrantResponse(issued.grant, issued.credentials)


def cached_or_new_grant(
    broker: Broker, ask: GrantRequest, folder: Path, command: str, *, anew: bool = False
) -> GrantResponse:
    """The grant that was asked for this before, else a new one; `anew` asks again whatever is remembered.

    One that was rejected or revoked stays so: asking again with the same words is for a person to decide, who is told
    how with the `command` line that came here. Of processes that start at once, one asks, the others share its
    grant.
    """
    with locked_entry(folder, request_key(ask, broker.api_url, broker.identity())) as place:
        if place.grant_id and not anew:
            try:
                return grant_by_id(broker, place.grant_id)
            except GrantEnded:
                place.remember("")
            except Denied as problem:
                again = f"To ask again with the same words, once: {command} --new-grant > /dev/null"
                problem.fix = f"{problem.fix} {again}".lstrip()
                raise
        answer = broker.request(ask)
        place.remember(answer.grant.id)
        return answer


def wait_for_credentials(
    broker: Broker, answer: GrantResponse, *, wait: bool, at_most: float | None
) -> GrantWithCredentials:
    """The grant with its credentials, after the review if `wait`. Raises Pending, Denied or Ended without them."""
    if answer.grant.state == "pending":
        if not wait:
            raise pending_problem(answer, time.time())
        answer = wait_with_progress(broker, answer, at_most)
    if answer.credentials:
        return GrantWithCredentials(answer.grant, answer.credentials)
    return broker.credentials(answer.grant.id)
