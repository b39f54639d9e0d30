"""Finds a grant and its credentials, and waits for its review."""

from jitney.client.api.broker import Broker
from jitney.client.api.polling import pending_problem
from jitney.client.api.responses import GrantResponse, GrantWithCredentials
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import connect
from jitney.client.problems import ReviewPending
from jitney.client.terminal.command_result import wait_with_progress


def grant_by_id(broker: Broker, grant_id: str) -> GrantResponse:
    """Return the grant with credentials, or the pending grant.

    Raises Denied or GrantEnded when it has no credentials.
    """
    try:
        issued = broker.credentials(grant_id)
    except ReviewPending:
        return broker.grant(grant_id)
    return GrantResponse(issued.grant, issued.credentials)


def wait_for_credentials(
    broker: Broker, answer: GrantResponse, *, wait: bool, at_most: float | None
) -> GrantWithCredentials:
    """Return the grant with its credentials. If `wait`, wait for the review.

    Raises ReviewPending, Denied or GrantEnded when there are no credentials.
    """
    if answer.grant.state == "pending":
        if not wait:
            raise pending_problem(answer, broker.clock.now())
        answer = wait_with_progress(broker, answer, at_most)
    if answer.credentials:
        return GrantWithCredentials(answer.grant, answer.credentials)
    return broker.credentials(answer.grant.id)


def wait_for_review(connection: ConnectionOptions, pending: ReviewPending, at_most: float | None) -> None:
    """Wait until the grant of a ReviewPending problem is decided. Raises ReviewPending when the time is up."""
    with connect(connection) as broker:
        wait_with_progress(broker, GrantResponse.read(pending.extras), at_most)
