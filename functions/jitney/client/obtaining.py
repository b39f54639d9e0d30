"""From an ask, a grant id or the memory of one to credentials."""

import time
from pathlib import Path

from jitney.client.answers import Answer, Issued
from jitney.client.asking import Ask
from jitney.client.broker import Broker
from jitney.client.memory import entry, request_key
from jitney.client.problems import Denied, Ended, Pending
from jitney.client.reporting import waited
from jitney.client.waiting import still_pending


def by_id(broker: Broker, grant_id: str) -> Answer:
    """The grant with credentials, or as it is while it is pending. Raises Denied or Ended when it gives none."""
    try:
        issued = broker.credentials(grant_id)
    except Pending:
        return broker.grant(grant_id)
    return Answer(issued.grant, issued.credentials)


def by_memory(broker: Broker, ask: Ask, folder: Path, command: str, *, anew: bool = False) -> Answer:
    """The grant that was asked for this before, else a new one; `anew` asks again whatever is remembered.

    One that was rejected or revoked stays so: asking again with the same words is for a person to decide, who is told
    how with the `command` line that came here. Of processes that start at once, one asks, the others share its
    grant.
    """
    with entry(folder, request_key(ask, broker.api_url, broker.identity())) as place:
        if place.grant_id and not anew:
            try:
                return by_id(broker, place.grant_id)
            except Ended:
                place.remember("")
            except Denied as problem:
                again = f"To ask again with the same words, once: {command} --anew > /dev/null"
                problem.fix = f"{problem.fix} {again}".lstrip()
                raise
        answer = broker.request(ask)
        place.remember(answer.grant.id)
        return answer


def usable(broker: Broker, answer: Answer, *, wait: bool, at_most: float | None) -> Issued:
    """The grant with its credentials, after the review if `wait`. Raises Pending, Denied or Ended without them."""
    if answer.grant.state == "pending":
        if not wait:
            raise still_pending(answer, time.time())
        answer = waited(broker, answer, at_most)
    if answer.credentials:
        return Issued(answer.grant, answer.credentials)
    return broker.credentials(answer.grant.id)
