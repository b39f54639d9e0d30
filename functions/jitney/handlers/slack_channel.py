"""Telling reviewers in Slack: one message a channel, brought up to date, with what follows in its thread (REV 9, 13).

A request may be decided while its first message is under way. Where that is (1) is kept before the grant is read again
(2); whoever decides writes the grant (3), and only then is the decision told where messages are kept (4). If 4 does not
find the place, 4 came before 1; then 3 came before 2, which finds the decision and shows it. So it is with what changes
otherwise: for less, or for other reviewers.
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
from jitney.handlers.channels import DeliveryResult, Notification, send_each
from jitney.handlers.ports import Ports
from jitney.handlers.review_sheet import build_sheet

NAME = "slack"
AFTER_ALL_ESCALATIONS = 10**11
"""Later than any request escalates."""
ALL_CHANNEL_NOTICES = frozenset({Notice.CHANGED, Notice.BROKEN, Notice.DECIDED})
"""What is shown also in channels that are no longer asked: a message there would keep buttons that can do nothing."""


def send(telling: Notification, ports: Ports) -> Iterable[DeliveryResult]:
    """What came of each channel's message, by Slack's word for what went wrong; () without Slack.

    Of the end only channels are told, and on record, in which the request was ever shown.
    """
    if ports.config.slack is None:
        return ()
    asked = _current_channels(telling.grant, ports)
    try:
        kept = ports.message_locations.of(telling.grant.id)
    except Problem as problem:
        return [DeliveryResult(NAME, channel, problem.code) for channel in asked]
    names = [each for each in asked if telling.notice is not Notice.DECIDED or each in kept]
    names += sorted(kept.keys() - {*asked}) if telling.notice in ALL_CHANNEL_NOTICES else []
    sent = send_each(NAME, names, lambda channel: _sent_code(telling, channel, kept.get(channel), ports), ports)
    return (each._replace(asked=each.to in asked) for each in sent)


def _current_channels(grant: Grant, ports: Ports) -> tuple[str, ...]:
    # Of a broken glass everybody is told who could ever decide, in the channels of later groups too.
    return channels(grant, ports.config.reviewers, AFTER_ALL_ESCALATIONS if grant.break_glass else ports.now())


def _sent_code(telling: Notification, channel: str, place: MessageLocation | None, ports: Ports) -> str:
    try:
        if place:
            _update(telling, channel, place, ports)
        else:
            _post(telling, channel, ports)
    except SlackError as refused:
        return refused.code
    except Problem as problem:
        return problem.code
    return ""


def _update(telling: Notification, channel: str, place: MessageLocation, ports: Ports) -> None:
    ports.slack.update(place, _message(telling.grant, telling.sheet, channel, ports))
    if telling.notice is not Notice.ASKED:
        ports.slack.reply(place, reply(telling.notice, telling.sheet))


def _post(telling: Notification, channel: str, ports: Ports) -> None:
    grant_id, shown = telling.grant.id, telling.sheet
    place = ports.slack.post(channel, message(shown, _url(grant_id, ports)))
    ports.message_locations.keep(grant_id, channel, place, ports.now())
    current = ports.store.grant(grant_id)
    if current and (current.at(ports.now()).state is not State.PENDING or content_hash(current) != shown.content):
        ports.slack.update(place, _message(current, build_sheet(current, ports), channel, ports))


def _message(grant: Grant, shown: Sheet, channel: str, ports: Ports) -> SlackMessage:
    return message(shown, _url(grant.id, ports), asked=channel in _current_channels(grant, ports))


def _url(grant_id: str, ports: Ports) -> str:
    return f"{ports.reviews_url}/{grant_id}"
