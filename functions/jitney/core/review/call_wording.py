"""One call under review in words, the same on every channel: its title, what an approval covers, its parameters. Pure.

Each parameter has a line of its own with its whole value. A text is in the quotation marks of JSON, so no value can
look like another line or another type. Names and values with characters that are not ASCII say so.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.masking.mask_tags import MASK
from jitney.core.quantities import format_list
from jitney.core.review.safe_text import cut, escape_exact, middle_cut

MOST_PARAMETERS, MOST_PARAMETER_NAME, MOST_VALUE, MOST_TITLE = 12, 100, 300, 120
"""How many parameters a channel other than the page shows, and how many characters of each."""
_MOST_NAMED = 4
_MASKED_BODY = " with a masked secret]"
"""The end of the text that is shown for a body with a masked secret (`jitney.core.gateway.shown_parameters`)."""
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
    rows = _rows("", json.loads(call.parameters))
    return tuple(ShownParameter(_noted(name), _noted(_written(value))) for name, value in rows)


def hidden_values(call: ReviewedCall) -> str:
    """Return a sentence on the masked values of a call; "" for none.

    An agent can write anything in the form of a secret. So a reviewer has to know how much is hidden.
    """
    count = sum(bool(MASK.search(text)) or _MASKED_BODY in text for text in map(": ".join, all_parameters(call)))
    if not count:
        return ""
    return (
        f"{count} {'value is' if count == 1 else 'values are'} masked: no reviewer can read what the agent sends there."
    )


def short_parameters(call: ReviewedCall) -> tuple[ShownParameter, ...]:
    """Return the first parameters, with long values cut in the middle, and how many more there are."""
    every = all_parameters(call)
    shown = [
        ShownParameter(middle_cut(each.name, MOST_PARAMETER_NAME, str), middle_cut(each.value, MOST_VALUE, str))
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


def _rows(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each value that contains no other values, with its path: "Delete.Objects[0].Key"."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _rows(_member(path, name), each)
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from _rows(f"{path}[{place}]", each)
    elif path:
        yield path, value


def _member(path: str, name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        return f"{path}[{_written(name)}]"
    return f"{path}.{name}" if path else name


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _noted(text: str) -> str:
    """Return the escaped text, with a note on its characters that are not ASCII."""
    foreign = dict.fromkeys(f"U+{ord(each):04X}" for each in text if not each.isascii() and each.isprintable())
    named = format_list(list(foreign), _MOST_NAMED)
    return escape_exact(f"{text}{f' (not ASCII: {named})' if foreign else ''}")
