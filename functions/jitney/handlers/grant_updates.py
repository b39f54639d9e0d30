"""Changing a grant with its record, again on what it is then whenever others wrote at the same time."""

from collections.abc import Callable
from typing import NamedTuple

from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant
from jitney.core.audit import AuditRecord
from jitney.core.problems import Problem
from jitney.handlers.ports import Ports

MAX_ATTEMPTS = 10


class GrantUpdate(NamedTuple):
    """A grant as it shall be, and what is written with it."""

    grant: Grant
    record: AuditRecord
    denial: DenyEntry | None = None


def update_grant(grant: Grant, step: Callable[[Grant], GrantUpdate | None], ports: Ports) -> Grant:
    """Write what `step` makes of the grant; when others wrote at the same time, of what it is then.

    The grant as it then is; nothing is written where `step` makes nothing. Raises Problem grant_conflict, unavailable.
    """
    for _ in range(MAX_ATTEMPTS):
        made = step(grant)
        if made is None:
            return grant
        link = audit.next_chained_record(made.record, grant)
        after = audit.with_chain_head(made.grant, link)
        try:
            ports.store.save(grant, after, link, denial=made.denial, now=ports.now())
        except StaleWrite:
            current = ports.store.grant(grant.id)
            if current is None:
                break
            grant = current
        else:
            return after
    raise Problem("grant_conflict", "The grant changed at the same time.", "Ask again.")
