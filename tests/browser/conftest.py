from collections.abc import Iterator
from typing import Any

import pytest

from local.browser import chromium
from tests.running_systems import PATIENCE


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """Yield a running Chromium."""
    with chromium(PATIENCE) as running:
        yield running
