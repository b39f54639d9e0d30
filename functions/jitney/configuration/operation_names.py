"""The operations of AWS's services, for checks of the configuration. Their table is part of the package."""

import difflib
from functools import cache

from jitney.core.calls.operations import OperationTable
from jitney.resources import OPERATIONS


@cache
def operation_names() -> tuple[str, ...]:
    """Return each operation as policies see it in context.call: "s3:DeleteObject", by botocore's names."""
    table = OperationTable.load(OPERATIONS.read_bytes())
    return tuple(f"{service}:{name}" for service in table.services() for name in table.service(service).names())


def operation_fix(name: str) -> str:
    """Return the fix for a name that is not among `operation_names`."""
    near = difflib.get_close_matches(name, operation_names(), n=3) or ["s3:DeleteObject"]
    return f"write the SDK's names of service and operation, such as {' or '.join(near)}"
