"""Where messages are: the first of each request in each channel, once."""

from typing import Any

import pytest

from jitney.adapters.message_places import MessagePlaces, Place
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, PENDING


@pytest.fixture
def places(client: Any) -> MessagePlaces:  # noqa: F811 - the fixture
    return MessagePlaces(client, "state")


def test_rev_09_the_first_place_is_kept(places: MessagePlaces):
    assert places.of(PENDING.id) == {}
    assert places.keep(PENDING.id, "#owners", Place("C1", "1.2"), NOW)
    assert not places.keep(PENDING.id, "#owners", Place("C1", "3.4"), NOW)
    assert places.of(PENDING.id) == {"#owners": Place("C1", "1.2")}


def test_rev_09_every_place_of_a_request_is_found_and_none_of_another(places: MessagePlaces):
    places.keep(PENDING.id, "#owners", Place("C1", "1.2"), NOW)
    places.keep(PENDING.id, "#late", Place("C2", "3.4"), NOW)
    places.keep("g-zzzzzzzzzzzzzz", "#owners", Place("C1", "5.6"), NOW)
    assert places.of(PENDING.id) == {"#late": Place("C2", "3.4"), "#owners": Place("C1", "1.2")}
