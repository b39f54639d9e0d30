"""The names of objects of records and calls: their days, and whether Athena reads them."""

import re
from datetime import date

RECORDS = "records/"
"""The folder of records."""
_FOLDER = re.compile(r"(?:records|calls)/dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/")
_READ_BY_ATHENA = re.compile(_FOLDER.pattern + r"(?:[0-9-]+/)?[A-Za-z0-9][A-Za-z0-9-]*")
HIDDEN = "hidden, because Athena may skip an object of this name"
"""What is wrong with an object that does not satisfy `is_read_by_athena`."""


def day_of(key: str) -> date | None:
    """Return the day in the name of an object's folder, `records/dt=...` or `calls/dt=...`; None for another folder."""
    folder = _FOLDER.match(key)
    try:
        return date.fromisoformat(folder[1]) if folder else None
    except ValueError:
        return None


def is_read_by_athena(key: str) -> bool:
    """Return whether an object's name has the form of those that Firehose gives.

    Athena skips names and folders that begin with `_` or `.`, and unpacks a file by its extension. Firehose's names
    have no dot and no underscore. https://docs.aws.amazon.com/athena/latest/ug/creating-tables.html
    """
    return _READ_BY_ATHENA.fullmatch(key) is not None
