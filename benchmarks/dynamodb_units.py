"""The sizes of DynamoDB's items, and the request units that reads and writes use, with those of indexes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

WRITE_BYTES, READ_BYTES = 1024, 4096
STORED_BYTES_MORE = 100
"""How many bytes of storage DynamoDB bills for an item of a table or an index, in addition to the item's own size."""

type Item = Mapping[str, Any]


def item_bytes(item: Item) -> int:
    """Return the size of an item: names and values in UTF-8."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, each),) = value.items()
    if kind == "S":
        return len(each.encode())
    if kind == "B":
        return len(each)
    if kind == "N":
        return (len(each.strip("-")) + 1) // 2 + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind in ("SS", "NS"):
        return sum(_value_bytes({kind[0]: one}) for one in each)
    if kind == "L":
        return 3 + sum(1 + _value_bytes(one) for one in each)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(one) for name, one in each.items())
    raise LookupError(f"the size of DynamoDB's type {kind} is not known")


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index: its keys, and its other attributes; None for all attributes."""

    keys: tuple[str, ...]
    attributes: frozenset[str] | None

    def projected(self, item: Item | None, table_keys: tuple[str, ...]) -> Item | None:
        """Return an item's part in the index, or None if it lacks a key."""
        if item is None or any(name not in item for name in self.keys):
            return None
        if self.attributes is None:
            return item
        kept = {*self.keys, *table_keys, *self.attributes}
        return {name: value for name, value in item.items() if name in kept}

    def write_units(self, before: Item | None, after: Item | None, table_keys: tuple[str, ...]) -> int:
        """Return the units of the index for a write. A change of its keys is a deletion and an addition."""
        old, new = (self.projected(each, table_keys) for each in (before, after))
        if old == new:
            return 0
        if old and new and all(old[name] == new[name] for name in self.keys):
            return _units(max(item_bytes(old), item_bytes(new)), WRITE_BYTES)
        return sum(_units(item_bytes(each), WRITE_BYTES) for each in (old, new) if each)


@dataclass(frozen=True, slots=True)
class TableForm:
    """A table: its keys, its indexes, and whether it has point-in-time recovery."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...]
    backed_up: bool

    def write_units(self, before: Item | None, after: Item | None, *, in_transaction: bool) -> int:
        """Return the units of a write: twice in a transaction, and once for each index that it changes."""
        size = max((item_bytes(each) for each in (before, after) if each), default=1)
        own = _units(size, WRITE_BYTES) * (2 if in_transaction else 1)
        return own + sum(index.write_units(before, after, self.keys) for index in self.indexes)

    def stored_bytes(self, item: Item) -> tuple[int, int]:
        """Return the bytes that an item takes in the table, and in the table and its indexes together."""
        parts = (index.projected(item, self.keys) for index in self.indexes)
        own = item_bytes(item) + STORED_BYTES_MORE
        return own, own + sum(item_bytes(each) + STORED_BYTES_MORE for each in parts if each)


def read_units(items: Iterable[Item], *, consistent: bool) -> float:
    """Return the units of a query, or of reading one item. Without an item, it uses the smallest number of units."""
    units = _units(sum(map(item_bytes, items)), READ_BYTES)
    return units if consistent else units / 2


def _units(size: int, step: int) -> int:
    return max(1, math.ceil(size / step))
