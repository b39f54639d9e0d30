"""The operations of AWS's services, for checks of the configuration. Their table is part of the package."""

import difflib
from functools import cache

from jitney.core.calls.operations import OperationTable
from jitney.resources import OPERATIONS


@cache
def _table() -> OperationTable:
    return OperationTable.load(OPERATIONS.read_bytes())


@cache
def operation_names() -> tuple[str, ...]:
    """Return each operation as policies see it in context.call: "s3:DeleteObject", by botocore's names."""
    table = _table()
    return tuple(f"{service}:{name}" for service in table.services() for name in table.service(service).names())


def operation_fix(name: str) -> str:
    """Return the fix for a name that is not among `operation_names`."""
    near = difflib.get_close_matches(name, operation_names(), n=3) or ["s3:DeleteObject"]
    return f"write the SDK's names of service and operation, such as {' or '.join(near)}"


def actions_of(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the actions that calls of an operation need, and those that they may need in addition."""
    service, _, operation = name.partition(":")
    found = _table().service(service).operation(operation)
    needs = (*found.needs, *(each for variant in found.variants for each in variant.needs))
    return frozenset(each.action for each in needs), frozenset(each.action for each in found.may)
