"""Changing a grant with its record, again on what it is then whenever others wrote at the same time."""

from collections.abc import Callable
from typing import NamedTuple

from jitney.adapters.store import Changed
from jitney.core import audit
from jitney.core.access.denial import Denial
from jitney.core.access.grant import Grant
from jitney.core.audit import AuditRecord
from jitney.core.problems import Problem
from jitney.handlers.ports import Ports

ATTEMPTS = 10


class Step(NamedTuple):
    """A grant as it shall be, and what is written with it."""

    grant: Grant
    record: AuditRecord
    denial: Denial | None = None


def change(grant: Grant, step: Callable[[Grant], Step | None], ports: Ports) -> Grant:
    """Write what `step` makes of the grant; when others wrote at the same time, of what it is then.

    The grant as it then is; nothing is written where `step` makes nothing. Raises Problem grant_conflict, unavailable.
    """
    for _ in range(ATTEMPTS):
        made = step(grant)
        if made is None:
            return grant
        link = audit.next_link(made.record, grant)
        after = audit.linked(made.grant, link)
        try:
            ports.store.save(grant, after, link, denial=made.denial, now=ports.now())
        except Changed:
            current = ports.store.grant(grant.id)
            if current is None:
                break
            grant = current
        else:
            return after
    raise Problem("grant_conflict", "The grant changed at the same time.", "Ask again.")
