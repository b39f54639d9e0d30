"""The record of an end that came by itself."""

from core import audit
from core.access.grant import Grant, State
from core.audit import Event, Origin, Outcome
from handlers.ports import Ports


def record_expiry(grant: Grant, ports: Ports) -> Grant:
    """The grant as it stands now; if its time is over and nothing says so yet, that is recorded. Raises Changed."""
    now = ports.now()
    expired = grant.at(now)
    if grant.state is not State.EXPIRED and expired.state is State.EXPIRED:
        link = audit.next_link(audit.of_grant(Event.EXPIRY, Outcome.EXPIRED, expired, Origin(), now), grant)
        expired = audit.linked(expired, link)
        ports.store.save(grant, expired, link, now=now)
    return expired
