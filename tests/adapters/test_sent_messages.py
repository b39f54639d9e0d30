"""Sent messages: each is remembered once, before it is sent."""

from typing import Any

from jitney.adapters.sent_messages import SentMessage, SentMessages
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, PENDING

MAIL = SentMessage(PENDING.id, "requested#0", "mail", "corp.alice")
OTHERS = (
    MAIL._replace(to="corp.bob"),
    MAIL._replace(channel="slack"),
    MAIL._replace(step="reminded#0"),
    MAIL._replace(step="requested#7"),
    MAIL._replace(grant_id="g-zzzzzzzzzzzzzz"),
)


def test_rev_13_a_message_begins_once_until_it_is_withdrawn(client: Any):  # noqa: F811 - the fixture
    sent = SentMessages(client, "state")
    assert [sent.begin(each, NOW) for each in (MAIL, *OTHERS)] == [True] * 6
    assert [sent.begin(each, NOW + 60) for each in (MAIL, *OTHERS)] == [False] * 6
    sent.withdraw(MAIL)
    assert [sent.begin(each, NOW) for each in (MAIL, *OTHERS)] == [True] + [False] * 5
