"""The operations of AWS's services, for checks of the configuration. Their table is part of the package."""

from functools import cache

from jitney.core.calls.operations import OperationTable
from jitney.resources import OPERATIONS


@cache
def operation_names() -> tuple[str, ...]:
    """Return each operation as policies see it in context.call: "s3:DeleteObject", by botocore's names."""
    table = OperationTable.load(OPERATIONS.read_bytes())
    return tuple(f"{service}:{name}" for service in table.services() for name in table.service(service).names())
