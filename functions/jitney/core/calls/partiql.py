"""Which table a statement of DynamoDB's PartiQL is about, where that is sure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

# Up to the first FROM outside of quotes; a comment, an escape or another quote is not read.
_SELECTED = r"(?:(?!\bFROM\b|--|/\*)[^'\"`\\]|'[^'\\]*'|\"[^\"\\]*\")++(?<=[\s'\")\]*])FROM"
_STATEMENT = re.compile(
    rf"\s*(?:(?P<select>SELECT)\b{_SELECTED}|(?P<insert>INSERT)\s+INTO|(?P<update>UPDATE)|(?P<delete>DELETE)\s+FROM)"
    r"\s+(?:(?P<plain>[a-z_]\w*)|\"(?P<quoted>[\w.-]+)\"(?:\.\"(?P<index>[\w.-]+)\")?)(?=\s|;|\Z)",
    re.ASCII | re.IGNORECASE,
)


def table_of(verb: str) -> Callable[[Any, Any], Iterable[str]]:
    """A reading of the table, or TABLE/index/INDEX, of statements with this verb: select, insert, update, delete."""

    def reading(value: Any, _place: Any) -> Iterable[str]:
        found = _STATEMENT.match(value) if isinstance(value, str) else None
        if found and found[verb]:
            table = found["plain"] or found["quoted"]
            yield f"{table}/index/{found['index']}" if found["index"] else table

    return reading
