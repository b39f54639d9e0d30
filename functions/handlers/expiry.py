"""The end of a review that nobody answered: called by the approval workflow when the grant's waiting time is over."""

from collections.abc import Mapping
from typing import Any

from core.access.grant import State
from handlers.expiring import record_expiry
from handlers.ports import Ports, ready


def expire(event: Mapping[str, Any], ports: Ports) -> dict[str, str]:
    """Record that a pending grant expired; the grant's id and state. Repeating it changes nothing.

    `event` is {"grant_id": ...}. Raises LookupError for an unknown grant and Changed when it moved at the same time,
    both of which the workflow retries and then reports.
    """
    grant = ports.store.grant(event["grant_id"])
    if grant is None:
        raise LookupError("no such grant")
    current = record_expiry(grant, ports) if grant.state is State.PENDING else grant.at(ports.now())
    return {"grant_id": grant.id, "state": str(current.state)}


_ports = ready(("store",))


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """The Lambda handler of `expire`."""
    return expire(event, _ports)
