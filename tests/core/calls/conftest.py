import pytest

from jitney import resources
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.operations import OperationTable

TABLE = resources.OPERATIONS.read_bytes()
OPERATIONS = OperationTable.load(TABLE)
PLACE = AwsLocation("aws", "eu-west-1", "444455556666")


@pytest.fixture
def operations() -> OperationTable:
    return OPERATIONS
