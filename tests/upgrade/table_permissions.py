"""Checks each call of DynamoDB against the role of the function that makes it (`infra.function_specs`).

The system tests enforce permissions, but take the usual paths only. With this check, in-process tests enforce them on
rare paths.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from infra.function_specs import SPECS

INDEXES = {"by_principal": "state_index", "open_by_role": "open_index", "calls_of_grant": "audit_index"}
"""The names of indexes in `infra.permissions`."""
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_PARTITION = re.compile(r"\S+ *= *(:\w+)", re.ASCII)


class TableCall(NamedTuple):
    """One action on one item, or on the items of one partition. `resource` is a table or an index."""

    action: str
    resource: str
    partition: str


class TablePermissionCheck:
    """Collects the calls that the roles of functions do not allow, in `refused`. `checked` counts all calls."""

    def __init__(self, client: Any) -> None:
        self.function, self.checked = "", 0
        self.refused: list[tuple[str, TableCall]] = []
        client.meta.events.register("before-parameter-build.dynamodb.*", self._check)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Check the calls in the block as those of a function, such as "reviews"."""
        self.function = function
        try:
            yield
        finally:
            self.function = ""

    def _check(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        for call in table_calls(model.name, params) if self.function else ():
            self.checked += 1
            if not is_allowed(self.function, call):
                self.refused.append((self.function, call))


def is_allowed(function: str, call: TableCall) -> bool:
    """Return whether the role of a function allows a call."""
    return any(
        f"dynamodb:{call.action}" in each.actions
        and each.resource == call.resource
        and any(fnmatchcase(call.partition, pattern) for pattern in each.items)
        for each in SPECS[function].allows
    )


def table_calls(operation: str, params: Mapping[str, Any]) -> Iterator[TableCall]:
    """Yield what an operation with these parameters does. Raises KeyError for an operation that is not known here."""
    if operation == "BatchGetItem":
        for table, asked in params["RequestItems"].items():
            yield from (TableCall(operation, table, key["pk"]["S"]) for key in asked["Keys"])
    elif operation == "TransactWriteItems":
        for (kind, write), *_ in (item.items() for item in params["TransactItems"]):
            yield from table_calls(_WRITES[kind], write)
    elif operation == "Query":
        found = _PARTITION.match(params["KeyConditionExpression"])
        assert found, params
        resource = INDEXES[params["IndexName"]] if "IndexName" in params else params["TableName"]
        yield TableCall(operation, resource, params["ExpressionAttributeValues"][found[1]]["S"])
    else:
        key = params["Item"] if operation == "PutItem" else params["Key"]
        yield TableCall(operation, params["TableName"], key["pk"]["S"])
