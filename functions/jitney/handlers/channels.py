"""The types that all notification channels share: the notification and the result of a message.

A channel is a function in the table of `handlers.notifications`. It returns one `DeliveryResult` per message, or ()
where it is not configured. Error codes are stable across releases.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.grant import Grant
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet
from jitney.handlers.ports import Ports

CHANNEL_MILLISECONDS = 15_000
"""No channel starts a message later. So two channels fit in the function's timeout (infra.function_specs)."""
OUT_OF_TIME = "late"


class DeliveryResult(NamedTuple):
    """The result of one message.

    It has the channel, the recipient (a person or a Slack channel), and an error code or "".

    `current` is False for recipients that no longer review the request.
    """

    channel: str
    to: str
    code: str = ""
    current: bool = True

    def view(self) -> dict[str, Any]:
        """Return the result as records have it."""
        view: dict[str, Any] = {"channel": self.channel, "to": self.to, "code": self.code}
        return view if self.current else view | {"current": False}


def no_reviewer_notified(sent: Collection[DeliveryResult]) -> bool:
    """Return whether channels exist but no message reached a current reviewer."""
    current = [each for each in sent if each.current]
    return bool(current) and all(each.code for each in current)


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice about a grant, with its sheet."""

    notice: Notice
    grant: Grant
    sheet: Sheet


Channel: TypeAlias = Callable[[Notification, Ports], Iterable[DeliveryResult]]


def send_each(channel: str, names: Iterable[str], send: Callable[[str], str], ports: Ports) -> Iterator[DeliveryResult]:
    """Send to each of `names`, and yield the results. `send` returns a code. Sending stops when time runs out."""
    last = ports.stopwatch() + CHANNEL_MILLISECONDS
    for name in names:
        yield DeliveryResult(channel, name, OUT_OF_TIME if ports.stopwatch() > last else send(name))
