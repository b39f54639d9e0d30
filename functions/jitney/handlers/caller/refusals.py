"""Counts of refused requests."""

from collections.abc import Iterator
from contextlib import contextmanager

from jitney.core.identity.refusal import Refusal
from jitney.core.records import audit
from jitney.core.records.refusal_counts import RefusalKey, refusal_of
from jitney.handlers.runtime.http import Request
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


@contextmanager
def counting_unauthenticated(request: Request, ports: Ports, now: int) -> Iterator[None]:
    """Count any Refusal raised in the block, then re-raise it."""
    try:
        yield
    except Refusal as refusal:
        logger.warning("refused", issuer=refusal.issuer_name, code=refusal.code, source_ip=request.origin.source_ip)
        count_unauthenticated(refusal, request, ports, now)
        raise


def count_unauthenticated(refusal: Refusal, request: Request, ports: Ports, now: int) -> None:
    """Count the refusal of a caller, with its principal if the token names one (ID 5)."""
    origin = request.origin
    about = RefusalKey(refusal.issuer_name, origin.source_ip, refusal.code)
    if refusal.principal:
        about = refusal_of(refusal.principal, refusal.code, origin)
    count_refused(about, ports, now, origin.request_id)


def count_refused(about: RefusalKey, ports: Ports, now: int, request_id: str = "") -> None:
    """Count one refusal, and record the counts that are due."""
    for refused, count, minute in ports.refusals.add(about, now):
        latest = (now, request_id) if refused == about else (minute * 60,)
        record = refused.record(count, *latest)
        ports.store.record(audit.chain_record(record, ports.new_id("r")), now=now)
