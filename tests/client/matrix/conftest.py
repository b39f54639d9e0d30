"""A broker, AWS, and programs that have their time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.matrix import programs
from tests.client.matrix.programs import World


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with programs.world(home, monkeypatch) as made:
        yield made
