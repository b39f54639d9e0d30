"""What every channel shares that reviewers are told on: what there is to tell, and what came of each message.

A channel is a function in the table of `handlers.notifications`. It answers with one `Sent` a message, () where it is not
configured, and gives what it could not send a code that stays the same from release to release.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.grant import Grant
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet
from jitney.handlers.ports import Ports

CHANNEL_MILLISECONDS = 15_000
"""No channel begins a message after this, so that two of them end before the function does (infra.function_specs)."""
OUT_OF_TIME = "late"


class DeliveryResult(NamedTuple):
    """One message: by which channel, to whom (a source identity or a channel), the code of what went wrong or "".

    `asked` is False where it went to people who were asked before and no longer are.
    """

    channel: str
    to: str
    code: str = ""
    asked: bool = True

    def view(self) -> dict[str, Any]:
        """The message as the record has it."""
        said: dict[str, Any] = {"channel": self.channel, "to": self.to, "code": self.code}
        return said if self.asked else said | {"asked": False}


def no_reviewer_notified(sent: Collection[DeliveryResult]) -> bool:
    """Whether no message reached those who are asked, though there are channels to reach them by."""
    asked = [each for each in sent if each.asked]
    return bool(asked) and all(each.code for each in asked)


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice about a grant, with what reviewers are shown of it."""

    notice: Notice
    grant: Grant
    sheet: Sheet


Channel: TypeAlias = Callable[[Notification, Ports], Iterable[DeliveryResult]]


def send_each(channel: str, names: Iterable[str], send: Callable[[str], str], ports: Ports) -> Iterator[DeliveryResult]:
    """Send to each of `names`; `send` answers a code. What would begin too late is not tried."""
    last = ports.stopwatch() + CHANNEL_MILLISECONDS
    for name in names:
        yield DeliveryResult(channel, name, OUT_OF_TIME if ports.stopwatch() > last else send(name))
