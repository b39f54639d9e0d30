from pathlib import Path

import pytest

from core.calls.call import Place
from core.calls.table import Operations

TABLE = (Path(__file__).parents[3] / "functions" / "core" / "operations.bin").read_bytes()
OPERATIONS = Operations.load(TABLE)
PLACE = Place("aws", "eu-west-1", "444455556666")


@pytest.fixture
def operations() -> Operations:
    return OPERATIONS
