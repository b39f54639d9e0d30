"""The types that all notification channels share: the notification and the result of a message.

A channel is a function in the table of `handlers.notifying.notifications`. It returns one `DeliveryResult` per
message, or () if it is not configured. Error codes are stable across releases.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from jitney.adapters.sent_messages import SentMessage
from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import ScheduleCheck
from jitney.core.review.sheet import Sheet
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

CHANNEL_MILLISECONDS = 15_000
"""A channel starts no message after this time, so two channels fit in the function's timeout (infra.function_specs)."""
OUT_OF_TIME = "late"
NO_ANSWER = "no_answer"
"""The message was sent or may have been sent. It is not sent again."""
MAY_BE_SENT = frozenset({NO_ANSWER, "fatal_error", "internal_error", "slack_error"})
"""Codes that mean that a message may have been sent.

Slack documents that for its two errors. https://docs.slack.dev/reference/methods/chat.postMessage
"""
NOT_FORGOTTEN = "not_forgotten"
"""The channel did not take the message, but the store remembers it as sent. It is not sent again."""
OUTDATED_TOKEN = frozenset({"account_inactive", "invalid_auth", "token_revoked"})
"""Slack's codes while a function still uses an earlier bot token (adapters.slack_secret.KEPT_SECONDS)."""
PASSING = OUTDATED_TOKEN | {
    OUT_OF_TIME, "failed", "ratelimited", "service_unavailable", "throttled", "unavailable", "unreachable"
}  # fmt: skip
"""Codes of messages that were certainly not sent, where another attempt in some minutes may succeed."""
ALREADY_SENT = "already_sent"
"""An earlier attempt at the same notice sent the message, or may have sent it. It is not sent again."""


class DeliveryResult(NamedTuple):
    """The result of one message.

    It has the channel, the recipient (a person or a Slack channel), and an error code or "".

    `current` is False for recipients that no longer review the request. `again` is True if the workflow sends the
    notice again, and this message with it.
    """

    channel: str
    to: str
    code: str = ""
    current: bool = True
    again: bool = False

    @property
    def failed(self) -> bool:
        """Whether the message may be missing."""
        return self.code not in ("", ALREADY_SENT)

    @property
    def may_succeed_later(self) -> bool:
        """Whether a current recipient lacks the message, and another attempt may send it."""
        return self.current and self.code in PASSING

    def sent_again(self) -> "DeliveryResult":
        """Return the result, marked if the next attempt at the notice sends the message again."""
        return self._replace(again=self.failed and self.code not in {*MAY_BE_SENT, NOT_FORGOTTEN})

    def view(self) -> dict[str, Any]:
        """Return the result as records have it."""
        view: dict[str, Any] = {"channel": self.channel, "to": self.to, "code": self.code}
        return view | ({} if self.current else {"current": False}) | ({"again": True} if self.again else {})


def no_reviewer_notified(sent: Collection[DeliveryResult]) -> bool:
    """Return whether channels exist but no message reached a current reviewer."""
    current = [each for each in sent if each.current]
    return bool(current) and all(each.failed for each in current)


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice about a grant, with its sheet. `since` is the check that found the notice due."""

    notice: Notice
    grant: Grant
    sheet: Sheet
    since: ScheduleCheck

    @property
    def step(self) -> str:
        """The notice with its check. All attempts at one notice have the same step."""
        return f"{self.notice}#{self.since.at}#{self.since.change}"


Channel: TypeAlias = Callable[[Notification, Ports], Iterable[DeliveryResult]]


def send_each(
    channel: str, names: Iterable[str], send: Callable[[str], str], notification: Notification, ports: Ports
) -> Iterator[DeliveryResult]:
    """Send to each of `names`, and yield the results. `send` returns a code. Sending stops when time runs out.

    Each message is remembered before it is sent, so that another attempt does not send it again. Another attempt sends
    only messages that were certainly not sent.
    """
    last = ports.stopwatch() + CHANNEL_MILLISECONDS
    for name in names:
        message = SentMessage(notification.grant.id, notification.step, channel, name)
        yield DeliveryResult(channel, name, OUT_OF_TIME if ports.stopwatch() > last else _once(message, send, ports))


def _once(message: SentMessage, send: Callable[[str], str], ports: Ports) -> str:
    """Send the message, unless an earlier attempt may have sent it. Return the code."""
    try:
        if not ports.sent_messages.begin(message, ports.now()):
            return ALREADY_SENT
    except Problem as problem:  # a message without this item would be sent again
        return problem.code
    code = send(message.to)
    if code and code not in MAY_BE_SENT:
        try:
            ports.sent_messages.withdraw(message)
        except Problem:
            logger.warning("message not sent again", grant_id=message.grant_id, channel=message.channel, code=code)
            return NOT_FORGOTTEN
    return code
