"""The width of what is printed."""

import os

LEAST_COLUMNS = 40
"""Tables in fewer columns show only dots. With COLUMNS=0, as some CI systems set it, rich prints nothing at all."""


def output_width() -> int | None:
    """Return the width that COLUMNS names, but at least `LEAST_COLUMNS`; None if it names none."""
    columns = os.environ.get("COLUMNS", "")
    return max(int(columns), LEAST_COLUMNS) if columns.isascii() and columns.isdigit() else None
