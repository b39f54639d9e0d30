"""Tables as CSV (RFC 4180) that no spreadsheet runs as a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

# https://owasp.org/www-community/attacks/CSV_Injection, with the full-width forms that some programs take for ASCII
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - these are meant


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the table with its header, lines ending in CRLF. A cell that begins like a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", strict=True)
    writer.writerow(map(_harmless, columns))
    writer.writerows(map(_harmless, row) for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
