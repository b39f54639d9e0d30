"""Telling reviewers of a request on every channel, and the record of whom was told what (REV 10, 13)."""

from collections.abc import Iterator, Mapping
from traceback import extract_tb
from typing import Any

from jitney.core import audit
from jitney.core.access.grant import Grant
from jitney.core.audit import Event, Origin, Outcome
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet
from jitney.handlers import mailing, slack_telling
from jitney.handlers.changing import Step, change
from jitney.handlers.channels import Channel, Sent, Telling, nobody_told
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

CHANNELS: Mapping[str, Channel] = {mailing.NAME: mailing.send, slack_telling.NAME: slack_telling.tell_in_slack}
"""By the name that records have for them."""
BROKEN = "internal"


def tell(notice: Notice, sheet: Sheet, ports: Ports, channels: Mapping[str, Channel] = CHANNELS) -> tuple[Sent, ...]:
    """Send the notice on every channel, and put on record what came of each message; () if no channel is configured.

    No channel can stop another. Raises Problem when the store fails, whatever was sent by then.
    """
    grant = ports.store.grant(sheet.grant_id)
    if grant is None:
        return ()
    telling = Telling(notice, grant, sheet)
    sent = tuple(each for name, channel in channels.items() for each in _sent(name, channel, telling, ports))
    change(grant, lambda before: Step(before, _record(before, telling, sent, ports)), ports)
    return sent


def _sent(name: str, channel: Channel, telling: Telling, ports: Ports) -> Iterator[Sent]:
    """What came of the channel's messages; of a channel that breaks, what it had sent before, and that it broke."""
    try:
        yield from channel(telling, ports)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one channel, the others are told
        # As in `jitney.handlers.edge`: the text of an exception may quote what is nobody's business.
        where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
        logger.error("channel broke", channel=name, grant=telling.grant.id, error=type(error).__name__, where=where)
        yield Sent(name, "", BROKEN)


def _record(grant: Grant, telling: Telling, sent: tuple[Sent, ...], ports: Ports) -> audit.AuditRecord:
    detail: dict[str, Any] = {
        "notice": str(telling.notice),
        "reviewers": sorted({name for asked in telling.sheet.asked for name in asked.members}),
        "sent": [each.view() for each in sent],
    }
    outcome, code = (Outcome.FAILED, "nobody_told") if nobody_told(sent) else (Outcome.SENT, "")
    return audit.of_grant(Event.NOTICE, outcome, grant, Origin(), ports.now(), code=code, detail=detail)
