"""How many items a call deletes, by its parameters alone, for the budget of its grant.

An item is what one entry of the parameters names, such as an object, a table or an instance. The contents of a deleted
table are not counted. A call counts as at least one if its operation's name says that it deletes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DELETES = re.compile(r"(Batch)?(Delete|Terminate|Purge|Destroy|Empty)[A-Z]|Schedule\w*Deletion|\w+Delete[A-Z]\w*")
_PARTIQL_DELETE = re.compile(r"\bdelete\b", re.IGNORECASE)
_DELETING = frozenset({"Delete", "DeleteObject", "DeleteRequest"})
"""The members of an entry that deletes, in lists of changes: a write of a batch, a replica of a table."""
_DEPTH = 2
"""Entries are at the top, or one level below: `Delete.Objects` of S3."""

Parameters = Mapping[str, Any]


def _statements(member: str) -> Callable[[Parameters], int]:
    return lambda parameters: sum(map(_may_delete, (each["Statement"] for each in parameters.get(member, ()))))


def _may_delete(statement: str) -> int:
    """Return 1 for a PartiQL statement with the word delete, even if the word is only in a text.

    Such a statement deletes one item at most.
    """
    return 1 if _PARTIQL_DELETE.search(statement) else 0


def _record_sets(parameters: Parameters) -> int:
    changes = parameters.get("ChangeBatch", {}).get("Changes", ())
    return sum(each.get("Action") == "DELETE" for each in changes)


_BY_OPERATION: Mapping[tuple[str, str], Callable[[Parameters], int]] = {
    ("dynamodb", "ExecuteStatement"): lambda parameters: _may_delete(parameters.get("Statement", "")),
    ("dynamodb", "BatchExecuteStatement"): _statements("Statements"),
    ("dynamodb", "ExecuteTransaction"): _statements("TransactStatements"),
    ("route53", "ChangeResourceRecordSets"): _record_sets,
}
"""Operations that delete, though their names do not say so."""


def items_deleted(service: str, operation: str, parameters: Parameters) -> int:
    """Return how many items a call deletes. `parameters` fit AWS's model."""
    if count := _BY_OPERATION.get((service, operation)):
        return count(parameters)
    lists = _lists(parameters, _DEPTH)
    if not _DELETES.match(operation):
        return sum(isinstance(each, dict) and not _DELETING.isdisjoint(each) for entries in lists for each in entries)
    return max([1, *map(len, lists)])


def _lists(parameters: Parameters, depth: int) -> Iterator[list[Any]]:
    for value in parameters.values():
        if isinstance(value, list):
            yield value
        elif isinstance(value, dict) and depth > 1:
            yield from _lists(value, depth - 1)
