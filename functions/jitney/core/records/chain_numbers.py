"""The numbers of the records of a chain. Pure."""

from collections.abc import Mapping
from typing import Any

MAX_SEQ = 2**31 - 1
"""The highest number: Athena's column has 32 bits (`audit_database.glue_tables`)."""
UNKNOWN_RECORDS = -1
"""The number of records of a grant whose number cannot be read."""


def sort_key(seq: int) -> str:
    """Return the sort key of record number `seq` in the audit table."""
    return f"{seq:06d}"


def records_in(item: Mapping[str, Any]) -> int:
    """Return the number of records in a grant's item, or UNKNOWN_RECORDS for one that no version writes.

    Any function that changes grants may write this attribute, and so may forge it.
    """
    text = item.get("records", {}).get("N", "")
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= MAX_SEQ else UNKNOWN_RECORDS


def next_seq(records: int, skipped: int) -> int:
    """Return the number of the next record after so many `records` and `skipped` numbers; after MAX_SEQ, 0 follows."""
    return (max(0, records) + skipped) % (MAX_SEQ + 1)
