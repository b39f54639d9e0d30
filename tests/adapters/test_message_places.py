"""Where messages are: the first of each request in each channel, once."""

from typing import Any

import pytest

from adapters.message_places import MessagePlaces, Place
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, PENDING


@pytest.fixture
def places(client: Any) -> MessagePlaces:  # noqa: F811 - the fixture
    return MessagePlaces(client, "state")


def test_rev_09_the_first_place_is_kept(places: MessagePlaces):
    assert places.of(PENDING.id, "#owners") is None
    assert places.keep(PENDING.id, "#owners", Place("C1", "1.2"), NOW)
    assert not places.keep(PENDING.id, "#owners", Place("C1", "3.4"), NOW)
    assert places.of(PENDING.id, "#owners") == Place("C1", "1.2")
    assert places.of(PENDING.id, "#late") is None
