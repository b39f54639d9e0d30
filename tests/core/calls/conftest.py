import pytest

from jitney import resources
from jitney.core.calls.call import Place
from jitney.core.calls.table import Operations

TABLE = resources.OPERATIONS.read_bytes()
OPERATIONS = Operations.load(TABLE)
PLACE = Place("aws", "eu-west-1", "444455556666")


@pytest.fixture
def operations() -> Operations:
    return OPERATIONS
