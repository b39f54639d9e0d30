"""Finds the table of a DynamoDB PartiQL statement, if the statement is unambiguous.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

# Up to the first FROM outside quotes. Statements with comments, escapes or other quotes do not match.
_SELECTED = r"(?:(?!\bFROM\b|--|/\*)[^'\"`\\]|'[^'\\]*'|\"[^\"\\]*\")++(?<=[\s'\")\]*])FROM"
_STATEMENT = re.compile(
    rf"\s*(?:(?P<select>SELECT)\b{_SELECTED}|(?P<insert>INSERT)\s+INTO|(?P<update>UPDATE)|(?P<delete>DELETE)\s+FROM)"
    r"\s+(?:(?P<plain>[a-z_]\w*)|\"(?P<quoted>[\w.-]+)\"(?:\.\"(?P<index>[\w.-]+)\")?)(?=\s|;|\Z)",
    re.ASCII | re.IGNORECASE,
)


def table_of(verb: str) -> Callable[[Any, Any], Iterable[str]]:
    """Return a transform of statements with this verb. It finds the table, or TABLE/index/INDEX.

    The verb is select, insert, update or delete.
    """

    def transform(value: Any, _place: Any) -> Iterable[str]:
        found = _STATEMENT.match(value) if isinstance(value, str) else None
        if found and found[verb]:
            table = found["plain"] or found["quoted"]
            yield f"{table}/index/{found['index']}" if found["index"] else table

    return transform
