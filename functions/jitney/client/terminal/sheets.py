"""Formats rows for terminals."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from jitney.core.printable import strip_control_characters

_GAP = 2

Rows: TypeAlias = Iterable[Sequence[Any]]


def shown(value: Any) -> str:
    """Return the value as one line."""
    if value is None:
        return ""
    if isinstance(value, list):
        nested = (f"[{shown(each)}]" if isinstance(each, list) else str(each) for each in value)
        return strip_control_characters(", ".join(nested))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else strip_control_characters(value)


def fitting(columns: Sequence[str], rows: Rows, width: int) -> Table | None:
    """Return the rows as a table without wrapped or cut cells; None if it is wider than `width`."""
    cells = [[shown(value) for value in row] for row in rows]
    widths = [max(map(cell_len, each)) for each in zip(columns, *cells, strict=True)]
    if sum(widths) + _GAP * (len(columns) - 1) > width:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in cells:
        table.add_row(*(Text(each) for each in row))
    return table


def blocks(columns: Sequence[str], rows: Rows) -> Iterable[Text]:
    """Yield each row as lines of names and values and a blank line. Empty values are left out."""
    most = max(map(len, columns), default=0)
    for row in rows:
        for name, value in zip(columns, row, strict=True):
            if text := shown(value):
                yield Text.assemble((f"{name:{most}}  ", "dim"), text)
        yield Text()
