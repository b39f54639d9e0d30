"""Telling reviewers of a request, and the record of whom was told what (REV 10, 13)."""

from typing import NamedTuple

from core import audit
from core.access.grant import Grant
from core.audit import Event, Origin, Outcome
from core.review.notices import Notice
from core.review.sheet import Sheet
from handlers.changing import Step, change
from handlers.ports import Ports


class Sent(NamedTuple):
    """One message: by which channel, to whom, and the code of what went wrong, "" if nothing did."""

    channel: str
    to: str
    code: str = ""


def tell(notice: Notice, sheet: Sheet, ports: Ports) -> tuple[Sent, ...]:
    """Put the notice on record; no channel is configured to send it. Raises Problem when the store fails."""
    grant = ports.store.grant(sheet.grant_id)
    if grant is None:
        return ()
    detail = {"notice": str(notice), "reviewers": sorted({name for asked in sheet.asked for name in asked.members})}

    def step(before: Grant) -> Step:
        return Step(before, audit.of_grant(Event.NOTICE, Outcome.SENT, before, Origin(), ports.now(), detail=detail))

    change(grant, step, ports)
    return ()
