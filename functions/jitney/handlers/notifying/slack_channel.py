"""The channel `slack`: an updated message per Slack channel, with replies in its thread (REV 9, 13).

A request may be decided while its first message is on its way. This function stores the message's location (1), then
reads the grant again (2). The deciding function writes the grant (3), then updates the stored messages (4). If step 4
does not find the location, it came before step 1. So step 3 came before step 2, and step 2 finds the decision and shows
it. The same holds for a narrowed or restarted review.
"""

from collections.abc import Iterable

from jitney.adapters.message_locations import MessageLocation
from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet
from jitney.core.review.slack.channels import channels
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.message import SlackMessage, message, reply
from jitney.handlers.notifying.channels import NO_ANSWER, DeliveryResult, Notification, send_each
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

NAME = "slack"
AFTER_ALL_ESCALATIONS = 10**11
"""A time after any escalation."""
ALL_CHANNEL_NOTICES = frozenset({Notice.REVIEW_RESTARTED, Notice.BREAK_GLASS, Notice.DECIDED})
"""Notices that also go to former channels. Otherwise the messages there would keep useless buttons."""


def send(notification: Notification, ports: Ports) -> Iterable[DeliveryResult]:
    """Send the notice to each channel, and return the results with Slack's error codes. Without Slack, return ().

    A decision goes only to channels that have a message about the request.
    """
    if ports.config.slack is None:
        return ()
    current = _current_channels(notification.grant, ports)
    try:
        locations = ports.message_locations.of(notification.grant.id)
    except Problem as problem:
        return [DeliveryResult(NAME, channel, problem.code) for channel in current]
    names = [each for each in current if notification.notice is not Notice.DECIDED or each in locations]
    names += sorted(locations.keys() - {*current}) if notification.notice in ALL_CHANNEL_NOTICES else []
    sent = send_each(
        NAME,
        names,
        lambda channel: _sent_code(notification, channel, locations.get(channel), ports),
        notification,
        ports,
    )
    return (each._replace(current=each.to in current) for each in sent)


def _current_channels(grant: Grant, ports: Ports) -> tuple[str, ...]:
    # Break-glass notices go to every possible reviewer, and so to the channels of later escalations, too.
    return channels(grant, ports.config.reviewers, AFTER_ALL_ESCALATIONS if grant.break_glass else ports.now())


def _sent_code(notification: Notification, channel: str, location: MessageLocation | None, ports: Ports) -> str:
    try:
        if location:
            _update(notification, channel, location, ports)
            return ""
        location = ports.slack.post(channel, message(notification.sheet, _url(notification.grant.id, ports)))
    except (SlackError, Problem) as failure:
        return failure.code
    try:
        _keep_current(notification, channel, location, ports)
    except (SlackError, Problem) as failure:
        logger.warning("message not kept", grant_id=notification.grant.id, channel=channel, code=failure.code)
        return NO_ANSWER
    return ""


def _update(notification: Notification, channel: str, location: MessageLocation, ports: Ports) -> None:
    ports.slack.update(location, _message(notification.grant, notification.sheet, channel, ports))
    if notification.notice is not Notice.REQUESTED:
        ports.slack.reply(location, reply(notification.notice, notification.sheet))


def _keep_current(notification: Notification, channel: str, location: MessageLocation, ports: Ports) -> None:
    """Store the location of a new message, and update the message if the request changed meanwhile."""
    grant_id, shown = notification.grant.id, notification.sheet
    ports.message_locations.keep(grant_id, channel, location, ports.now())
    latest = ports.store.grant(grant_id)
    if latest and (latest.at(ports.now()).state is not State.PENDING or content_hash(latest) != shown.content):
        ports.slack.update(location, _message(latest, build_sheet(latest, ports), channel, ports))


def _message(grant: Grant, shown: Sheet, channel: str, ports: Ports) -> SlackMessage:
    return message(shown, _url(grant.id, ports), active_channel=channel in _current_channels(grant, ports))


def _url(grant_id: str, ports: Ports) -> str:
    return f"{ports.reviews_url}/{grant_id}"
