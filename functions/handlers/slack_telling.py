"""Telling reviewers in Slack: one message a channel, brought up to date, with what follows in its thread (REV 9, 13).

A request may be decided while its first message is under way. Where that is (1) is kept before the grant is read again
(2); whoever decides writes the grant (3), and only then is the decision told where messages are kept (4). If 4 does not
find the place, 4 came before 1; then 3 came before 2, which finds the decision and shows it.
"""

from collections.abc import Iterable

from core.access.grant import State
from core.problems import Problem
from core.review.notices import Notice
from core.review.slack.channels import channels
from core.review.slack.message import message, reply
from core.review.slack.refused import SlackRefused
from handlers.channels import Sent, Telling, one_by_one
from handlers.ports import Ports
from handlers.showing import sheet

NAME = "slack"
EVER = 10**11
"""Later than any request escalates."""


def tell_in_slack(telling: Telling, ports: Ports) -> Iterable[Sent]:
    """What came of each channel's message, by Slack's word for what went wrong; () without Slack.

    Of the end only channels are told, and on record, in which the request was ever shown.
    """
    if ports.config.slack is None:
        return ()
    # Of a broken glass everybody is told who could ever decide, in the channels of later groups too.
    moment = EVER if telling.grant.glass else ports.now()
    names = channels(telling.grant, ports.config.reviewers, moment)
    if telling.notice is Notice.DECIDED:
        names = tuple(each for each in names if ports.message_places.of(telling.grant.id, each))
    return one_by_one(NAME, names, lambda channel: _told(telling, channel, ports), ports)


def _told(telling: Telling, channel: str, ports: Ports) -> str:
    try:
        _tell(telling, channel, ports)
    except SlackRefused as refused:
        return refused.code
    except Problem as problem:
        return problem.code
    return ""


def _tell(telling: Telling, channel: str, ports: Ports) -> None:
    grant_id, notice = telling.grant.id, telling.notice
    url = f"{ports.reviews_url}/{grant_id}"
    place = ports.message_places.of(grant_id, channel)
    if place:
        ports.slack.update(place, message(telling.sheet, url))
        if notice is not Notice.ASKED:
            ports.slack.reply(place, reply(notice, telling.sheet))
        return
    place = ports.slack.post(channel, message(telling.sheet, url))
    ports.message_places.keep(grant_id, channel, place, ports.now())
    current = ports.store.grant(grant_id)
    if current and current.at(ports.now()).state is not State.PENDING:
        ports.slack.update(place, message(sheet(current, ports), url))
