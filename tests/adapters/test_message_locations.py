"""Locations of messages: the first message of each request in each channel is stored once."""

from typing import Any

import pytest

from jitney.adapters.message_locations import MessageLocation, MessageLocations
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, PENDING


@pytest.fixture
def places(client: Any) -> MessageLocations:  # noqa: F811 - the fixture
    return MessageLocations(client, "state")


def test_rev_09_the_first_place_is_kept(places: MessageLocations):
    assert places.of(PENDING.id) == {}
    assert places.keep(PENDING.id, "#owners", MessageLocation("C1", "1.2"), NOW)
    assert not places.keep(PENDING.id, "#owners", MessageLocation("C1", "3.4"), NOW)
    assert places.of(PENDING.id) == {"#owners": MessageLocation("C1", "1.2")}


def test_rev_09_every_place_of_a_request_is_found_and_none_of_another(places: MessageLocations):
    places.keep(PENDING.id, "#owners", MessageLocation("C1", "1.2"), NOW)
    places.keep(PENDING.id, "#late", MessageLocation("C2", "3.4"), NOW)
    places.keep("g-zzzzzzzzzzzzzz", "#owners", MessageLocation("C1", "5.6"), NOW)
    assert places.of(PENDING.id) == {"#late": MessageLocation("C2", "3.4"), "#owners": MessageLocation("C1", "1.2")}
