"""Telling reviewers of a request on every channel, and the record of whom was told what (REV 10, 13)."""

from collections.abc import Iterator, Mapping
from traceback import extract_tb
from typing import Any

from jitney.core import audit
from jitney.core.access.grant import Grant
from jitney.core.audit import AuditEvent, Origin, Outcome
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet
from jitney.handlers import mail_channel, slack_channel
from jitney.handlers.channels import Channel, DeliveryResult, Notification, no_reviewer_notified
from jitney.handlers.grant_updates import GrantUpdate, update_grant
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

CHANNELS: Mapping[str, Channel] = {mail_channel.NAME: mail_channel.send, slack_channel.NAME: slack_channel.send}
"""By the name that records have for them."""
CHANNEL_ERROR = "internal"


def notify_reviewers(
    notice: Notice, sheet: Sheet, ports: Ports, channels: Mapping[str, Channel] = CHANNELS
) -> tuple[DeliveryResult, ...]:
    """Send the notice on every channel, and put on record what came of each message; () if no channel is configured.

    No channel can stop another. Raises Problem when the store fails, whatever was sent by then.
    """
    grant = ports.store.grant(sheet.grant_id)
    if grant is None:
        return ()
    telling = Notification(notice, grant, sheet)
    sent = tuple(each for name, channel in channels.items() for each in _sent(name, channel, telling, ports))
    update_grant(grant, lambda before: GrantUpdate(before, _record(before, telling, sent, ports)), ports)
    return sent


def _sent(name: str, channel: Channel, telling: Notification, ports: Ports) -> Iterator[DeliveryResult]:
    """What came of the channel's messages; of a channel that breaks, what it had sent before, and that it broke."""
    try:
        yield from channel(telling, ports)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one channel, the others are told
        # As in `jitney.handlers.edge`: the text of an exception may quote what is nobody's business.
        where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
        logger.error("channel broke", channel=name, grant=telling.grant.id, error=type(error).__name__, where=where)
        yield DeliveryResult(name, "", CHANNEL_ERROR)


def _record(grant: Grant, telling: Notification, sent: tuple[DeliveryResult, ...], ports: Ports) -> audit.AuditRecord:
    detail: dict[str, Any] = {
        "notice": str(telling.notice),
        "reviewers": sorted({name for asked in telling.sheet.asked for name in asked.members}),
        "sent": [each.view() for each in sent],
    }
    outcome, code = (Outcome.FAILED, "no_reviewer_notified") if no_reviewer_notified(sent) else (Outcome.SENT, "")
    return audit.grant_record(AuditEvent.NOTICE, outcome, grant, Origin(), ports.now(), code=code, detail=detail)
