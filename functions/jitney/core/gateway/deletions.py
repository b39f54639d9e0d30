"""How many items a call deletes, by its parameters alone, for the budget of its grant.

An item is what one entry of the parameters names, such as an object, a table or an instance. The contents of a deleted
table are not counted. A call counts as at least one if its operation's name says that it deletes.
"""

import math
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


def _every_pair(ones: frozenset[str], others: frozenset[str]) -> Callable[[Parameters], int]:
    """Return the count of an operation that deletes one item for each entry of `ones` with each entry of `others`."""

    def count(parameters: Parameters) -> int:
        lists = list(_lists(parameters, _DEPTH))
        lengths = (sum(len(entries) for name, entries in lists if name in each) for each in (ones, others))
        return math.prod(max(1, length) for length in lengths)

    return count


_BY_OPERATION: Mapping[tuple[str, str], Callable[[Parameters], int]] = {
    ("cloudformation", "DeleteStackInstances"): _every_pair(
        frozenset({"Accounts", "OrganizationalUnitIds"}), frozenset({"Regions"})
    ),
    ("dynamodb", "ExecuteStatement"): lambda parameters: _may_delete(parameters.get("Statement", "")),
    ("dynamodb", "BatchExecuteStatement"): _statements("Statements"),
    ("dynamodb", "ExecuteTransaction"): _statements("TransactStatements"),
    ("ec2", "DeleteTags"): _every_pair(frozenset({"Resources"}), frozenset({"Tags"})),
}
"""Operations whose deleted items are not the entries of their lists."""


def items_deleted(service: str, operation: str, parameters: Parameters) -> int:
    """Return how many items a call deletes. `parameters` fit AWS's model."""
    if count := _BY_OPERATION.get((service, operation)):
        return count(parameters)
    lists = [entries for _, entries in _lists(parameters, _DEPTH)]
    if not _DELETES.match(operation):
        return sum(_is_deletion(each) for entries in lists for each in entries)
    return max(1, sum(map(len, lists)))


def _is_deletion(change: Any) -> bool:
    """Return whether an entry of a list of changes deletes."""
    if not isinstance(change, dict):
        return False
    return not _DELETING.isdisjoint(change) or str(change.get("Action", "")).startswith("DELETE")


def _lists(parameters: Parameters, depth: int) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists with their names."""
    for name, value in parameters.items():
        if isinstance(value, list):
            yield name, value
        elif isinstance(value, dict) and depth > 1:
            yield from _lists(value, depth - 1)
