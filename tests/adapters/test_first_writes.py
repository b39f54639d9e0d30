"""A write whose answer was lost is repeated by the SDK, and meets its own effect. It is still the first (POL 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from jitney.adapters.deny_list import DenyList
from jitney.adapters.message_locations import MessageLocation, MessageLocations
from jitney.adapters.sent_messages import SentMessage, SentMessages
from jitney.adapters.web_sessions import WebSessions
from jitney.core.access.write_lease import WriteLease
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.adapters.test_web_sessions import SESSION
from tests.fakes import NOW

PLACE = MessageLocation("C1", "1.0")
MESSAGE = SentMessage("g-1", "requested#0", "mail", "corp.alice")


class LosingAnswers:
    """DynamoDB's client, whose first answer to each write is lost. The SDK sends the same request again."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._made, name)
        if name not in ("put_item", "update_item"):
            return call

        def repeated(**parameters: Any) -> Any:
            call(**parameters)
            return call(**parameters)

        return repeated


def session(dynamodb: Any) -> bool:
    """Begin a session, which raises a problem if the item was there before."""
    WebSessions(dynamodb, "state").begin("an id", SESSION)
    return True


FIRST_WRITES: dict[str, Callable[[Any], object]] = {
    "a message to a reviewer": lambda dynamodb: SentMessages(dynamodb, "state").begin(MESSAGE, NOW),
    "a message's location": lambda dynamodb: MessageLocations(dynamodb, "state").keep("g-1", "#r", PLACE, NOW),
    "a session": session,
    "a lease": lambda dynamodb: DenyList(dynamodb, "state").acquire("role", NOW),
}


@pytest.mark.parametrize("write", FIRST_WRITES.values(), ids=FIRST_WRITES)
def test_pol_08_a_write_that_the_sdk_repeats_is_still_the_first(client: Any, write: Callable[[Any], object]):  # noqa: F811
    assert write(LosingAnswers(client))


def test_pol_08_a_second_writer_is_none_however_often_the_sdk_repeats(client: Any):  # noqa: F811
    lost = LosingAnswers(client)
    messages, locations, leases = SentMessages(lost, "state"), MessageLocations(lost, "state"), DenyList(lost, "state")
    assert (messages.begin(MESSAGE, NOW), messages.begin(MESSAGE, NOW)) == (True, False)
    assert (locations.keep("g-1", "#r", PLACE, NOW), locations.keep("g-1", "#r", PLACE, NOW)) == (True, False)
    lease = leases.acquire("role", NOW)
    assert isinstance(lease, WriteLease)
    assert (lease.last_acquired, leases.acquire("role", NOW)) == (1, None)
    assert leases.complete("role", lease, "digest")
