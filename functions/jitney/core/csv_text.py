"""Tables as CSV (RFC 4180). No cell can be a formula for a spreadsheet, and none can control a terminal. Pure."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from jitney.core.printable import is_control, strip_control_characters

# A cell that starts with one of these is a formula to a spreadsheet, and agents choose reasons and names. In countries
# where the list separator is a semicolon, a semicolon within text starts a cell, quoted or not.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"""((?:^|;)[\s"]*)(?=[-=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b])""")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return the rows as CSV with a header, one line each. All cells are quoted, and lists are JSON.

    No cell is a formula, for any list separator of a spreadsheet.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([_cell(value) for value in row] for row in (columns, *rows))
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        # Letters of all languages are readable, and what could control a terminal stays escaped.
        written = json.dumps(value, ensure_ascii=False)
        value = "".join(json.dumps(sign)[1:-1] if is_control(sign) else sign for sign in written)
    return _FORMULA.sub(r"\1'", strip_control_characters(value)) if isinstance(value, str) else value
