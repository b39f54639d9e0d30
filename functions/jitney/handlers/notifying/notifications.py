"""Notifies reviewers on every channel, and records each result (REV 10, 13)."""

from collections.abc import Callable, Iterator, Mapping
from traceback import extract_tb
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import ScheduleCheck
from jitney.core.review.sheet import Sheet
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.notifying import mail_channel, slack_channel
from jitney.handlers.notifying.channels import Channel, DeliveryResult, Notification, no_reviewer_notified
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

CHANNELS: Mapping[str, Channel] = {mail_channel.NAME: mail_channel.send, slack_channel.NAME: slack_channel.send}
"""Channels by their name in records."""
CHANNEL_ERROR = "internal"


def sent_once(_: tuple[DeliveryResult, ...]) -> bool:
    """Return False: no other attempt at the notice follows."""
    return False


def notify_reviewers(
    notice: Notice,
    sheet: Sheet,
    since: ScheduleCheck,
    ports: Ports,
    channels: Mapping[str, Channel] = CHANNELS,
    is_repeated: Callable[[tuple[DeliveryResult, ...]], bool] = sent_once,
) -> tuple[DeliveryResult, ...]:
    """Send the notice on every channel, record the results and return them. Without channels, return ().

    `since` is the check that found the notice due. `is_repeated` returns whether another attempt follows
    these results. A failing channel does not stop the others. Raises Problem when the store fails. Messages may have
    been sent then. A repeat does not send them again, but records them.
    """
    grant = ports.store.grant(sheet.grant_id)
    if grant is None:
        return ()
    notification = Notification(notice, grant, sheet, since)
    sent = tuple(each for name, channel in channels.items() for each in _sent(name, channel, notification, ports))
    if is_repeated(sent):
        sent = tuple(each.sent_again() for each in sent)
    for each in sent:
        if each.failed:
            _log_failed(each, notification)
    update_grant(grant, lambda before: GrantUpdate(before, _record(before, notification, sent, ports)), ports)
    return sent


def _sent(name: str, channel: Channel, notification: Notification, ports: Ports) -> Iterator[DeliveryResult]:
    """Yield the results of one channel. If it raises, yield the results so far, then a problem's code or `internal`."""
    try:
        yield from channel(notification, ports)
    except Problem as problem:
        yield DeliveryResult(name, "", problem.code)
    except Exception as error:  # noqa: BLE001 - one channel must not stop the others
        # As in `jitney.handlers.runtime.edge`: the text of an exception may hold private data.
        where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
        logger.error(
            "channel failed", channel=name, grant_id=notification.grant.id, error=type(error).__name__, where=where
        )
        yield DeliveryResult(name, "", CHANNEL_ERROR)


def _log_failed(result: DeliveryResult, notification: Notification) -> None:
    """Log a message that a channel did not take, and whether it is sent again.

    Logs have no names of people, so only a Slack channel is named.
    """
    recipient = result.to if result.channel == slack_channel.NAME else ""
    logger.warning(
        "message not sent",
        channel=result.channel,
        recipient=recipient,
        code=result.code,
        grant_id=notification.grant.id,
        notice=str(notification.notice),
        again=result.again,
    )


def _record(
    grant: Grant, notification: Notification, sent: tuple[DeliveryResult, ...], ports: Ports
) -> audit.AuditRecord:
    detail: dict[str, Any] = {
        "notice": str(notification.notice),
        "reviewers": sorted({name for each in notification.sheet.group_approvals for name in each.members}),
        "sent": [each.view() for each in sent],
    }
    outcome, code = (Outcome.FAILED, "no_reviewer_notified") if no_reviewer_notified(sent) else (Outcome.SENT, "")
    return audit.grant_record(AuditEvent.NOTICE, outcome, grant, Origin(), ports.now(), code=code, detail=detail)
