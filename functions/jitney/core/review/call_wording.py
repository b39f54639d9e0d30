"""One call under review in words, the same on every channel: its title, what an approval covers, its parameters. Pure.

Each parameter has a line of its own with its whole value. A text is in the quotation marks of JSON, so no value can
look like another line or another type. Characters that look like other characters are shown with their names.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.review.safe_text import MOST_MARKS, cut, escape_exact, middle_cut

MOST_PARAMETERS, MOST_PARAMETER_NAME, MOST_VALUE, MOST_TITLE = 12, 100, 300, 120
"""How many parameters a channel other than the page shows, and how many characters of each."""
_MOST_NAMED = 4
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
NOT_NARROWED = "A call is approved whole, or rejected."


class ShownParameter(NamedTuple):
    """One value of a call's parameters: the path of its name, and the value. Both are escaped, on one line."""

    name: str
    value: str


def call_title(call: ReviewedCall) -> str:
    """Return the call in a few words: "s3 DeleteObject in eu-west-1"."""
    return cut(call.title, MOST_TITLE)


def all_parameters(call: ReviewedCall) -> tuple[ShownParameter, ...]:
    """Return every parameter with its whole value, in the order of their names."""
    return tuple(ShownParameter(escape_exact(name), value) for name, value in _rows("", json.loads(call.parameters)))


def short_parameters(call: ReviewedCall) -> tuple[ShownParameter, ...]:
    """Return the first parameters, with long values cut in the middle, and how many more there are."""
    every = all_parameters(call)
    shown = [
        ShownParameter(middle_cut(each.name, MOST_PARAMETER_NAME), middle_cut(each.value, MOST_VALUE))
        for each in every[:MOST_PARAMETERS]
    ]
    if len(every) > MOST_PARAMETERS:
        shown.append(ShownParameter("and", f"{len(every) - MOST_PARAMETERS} more on the request page"))
    return tuple(shown) or (ShownParameter("none", "the call has no parameters"),)


def shows_all_parameters(call: ReviewedCall) -> bool:
    """Return whether `short_parameters` and `call_title` show the whole call."""
    every = all_parameters(call)
    return (
        len(call.title) <= MOST_TITLE
        and len(every) <= MOST_PARAMETERS
        and all(len(each.name) <= MOST_PARAMETER_NAME and len(each.value) <= MOST_VALUE for each in every)
    )


def _rows(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each value that contains no other values, with its path: "Delete.Objects[0].Key"."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _rows(_member(path, name), each)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _rows(f"{path}[{place}]", each)
    elif path:
        yield path, _shown(value)


def _member(path: str, name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        return f"{path}[{_quoted(name)}]"
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    foreign = dict.fromkeys(each for each in value if not each.isascii() and each.isprintable())
    named = ", ".join(f"U+{ord(each):04X}" for each in list(foreign)[:_MOST_NAMED])
    more = f" and {len(foreign) - _MOST_NAMED} more" if len(foreign) > _MOST_NAMED else ""
    note = f" (not ASCII: {named}{more})" if foreign else ""
    return escape_exact(f"{_quoted(value)}{note}")


def _quoted(text: str) -> str:
    """Return the text as JSON.

    Combining marks that would be left out, because there are too many in a row, are shown as their code points.
    """
    return json.dumps(text, ensure_ascii=_piles_up(text))


def _piles_up(text: str) -> bool:
    marks = 0
    for each in text:
        marks = marks + 1 if unicodedata.combining(each) else 0
        if marks > MOST_MARKS:
            return True
    return False
