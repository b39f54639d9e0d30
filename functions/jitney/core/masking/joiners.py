"""Finds where the value of a name starts: after `=`, in the element or member of that name, or after words.

The notations are configuration files, code, JSON, XML, YAML, HCL and attributes of DynamoDB. The caller decides whether
the value is a secret (`jitney.core.masking.named_secrets`).
"""

import re
from enum import Enum
from typing import NamedTuple

from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.pairs import KINDS

_OF_A_PAIR = (
    rf"(?:{'|'.join([*KINDS, 'attribute', 'header', 'option', 'output', 'property', 'tag', 'variable'])})?_?value"
)
"""Matches the name of the second member of a pair, which holds the value."""
_ABOUT = "allowedpattern|constraintdescription|description|maxlength|minlength|noecho|sensitive|type"
"""The members of a parameter before its value, such as in templates of CloudFormation."""
# The text between a name (with its closing quote) and its value. For a pair, it includes the second member's name.
_JOINED = LazyPattern(
    r"""\s{0,9}:\s{0,3}\{\s{0,40}(?:["'](?:ABOUT)["']\s{0,3}:\s{0,3}(?:\w{1,20}|"[^"\0]{0,200}"|'[^'\0]{0,200}'),\s{0,40}){0,5}["'](?:value|default)["']\s{0,3}:\s{0,9}
    |["']?\s{0,3}:\s{0,3}\n(?:\s{1,40}(?:ABOUT):[^\n\0]{0,200}\n){0,5}\s{1,40}default:\s{1,9}
    |["']\s{0,3}\{?\s{0,3}\n(?:\s{1,40}(?:type|description|sensitive|tier|key_id)\s{1,20}=[^\n\0]{1,200}\n){0,4}
      \s{1,40}(?:value|default)\s{1,20}=\s{1,9}(?=")
    |["']?[ \t]{0,9}:[ \t]{0,9}\r?\n(?=[ \t]{0,40}-[ \t])
    |["']?\s{0,9}:\s{0,9}\{\s{0,99}["'](?:[SNB]S?)["']\s{0,9}:\s{0,9}(?=["'\[])
    |\s{0,9}(?::\s?)?\s?(?:string|str)\s{0,3}=(?!=)\s{0,9}
    |\s{0,40}(?:[!=]==?\s{0,9}(?=["'`])|=>|:{0,3}=|[?.+|]{1,2}=|:|%3[dD])(?:[^\S\n]{0,40}+(?!\n)|\s{0,40}(?=["'`]))
    |["']?\s{0,3}\n\s{1,40}["']?OF_A_PAIR["']?\s?:\s{1,9}|\s{1,9}value\s{0,3}=\s{0,3}(?=["'])
    |</\w{0,20}(?:key|name)>\s{0,99}<(?:string|data|OF_A_PAIR)>\s{0,99}
    |["']\s{0,9},\s{0,9}(?:["']type["']\s{0,9}:\s{0,9}["']\w{1,40}["']\s{0,9},\s{0,9})?["']OF_A_PAIR["']\s{0,9}:\s{0,9}
    |["']\]\s{0,3}=\s{0,3}(?=["'`])|["']?,\svalue:\s
    |,\s?OF_A_PAIR=""".replace("OF_A_PAIR", _OF_A_PAIR).replace("ABOUT", _ABOUT),
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_IN_ELEMENT = LazyPattern(r"(?:\s[^<>\0]{0,200})?>\s{0,99}(?:<[vV]alue>\s{0,99})?")
_NEXT_ARGUMENT = LazyPattern(r"\s{0,9},\s{0,9}(?=[\"'])")
_OPENED = LazyPattern(r"\(\s?\Z")
_SETTER = LazyPattern(
    r"(?<![a-z])(?:define|(?:put|set)_?env|(?:set|put|add)(?:_?(?:property|header|item|default|string|value))?)\(\s?\Z",
    re.IGNORECASE | re.ASCII,
)
"""The beginning of a call that sets a value, such as PHP's `define('DB_PASSWORD', 'hunter2000')`."""
_LONGEST_SETTER = 20
_SET = LazyPattern(r"(?:\A|[\n\0])ENV \Z|(?:\A|[\s;&(\0])(?:SETX|setx|setenv|set -[a-zA-Z]{1,2}) \Z")
"""What is before a variable that a space separates from its value: in a Dockerfile, and in shells."""
_NAMED_ELEMENT = LazyPattern(r"""(?:name|key)=["']\Z""")
_IN_NAMED_ELEMENT = LazyPattern(r"""["']\s{0,3}>\s{0,99}(?![\s<])""")
# A name in brackets that follows a name is a placeholder, as in `user:<password>`, unless an end tag follows it.
_PLACE_OF_A_VALUE = LazyPattern(r"[\w=:][ \t]{0,9}\Z")
_LONGEST_ELEMENT = 5000
_FIRST_IN_LINE = LazyPattern(r"(?:\A|[\n\0])[ \t|]{0,40}\Z")
_IN_TABLE = LazyPattern(
    r"[ \t]{0,40}(?:[ \t]{2}|\|[ \t])[ \t]{0,40}(?=[^\s\0]{10,200}[ \t]{0,40}\|?[ \t]{0,9}(?:[\r\n\0]|\Z))"
)
"""What is between the name and the only value in a line of a table, such as of Vault and of psql."""
_WORDS = LazyPattern(
    r"""["'`]?(?:(?:\s(?:for|on|of)(?:\s[\w./-]{1,60}){1,3}?){0,2}\s(?:is|was|to|as):?\s{1,3}|\s(?=["'`]))(?=["'`]?[\w.~+/=:@!#$^*-]{12})"""
)


class Joiner(Enum):
    """The text or notation between a name and its value."""

    NOTATION = 1
    ARGUMENT = 2
    """A comma: the name and the value are arguments of a call."""
    COLUMN = 3
    """Spaces or a line: the name and the value are in the columns of a table."""
    PROSE = 4


class Value(NamedTuple):
    """Where a value starts, and its `Joiner`."""

    at: int
    joiner: Joiner


def joined(text: str, start: int, end: int) -> re.Match[str] | None:
    """Return the match of the text between the name at `start` to `end` and its value; None for elements and prose."""
    closed = _closed(text, start, end)
    return _JOINED.match(text, closed) or (_JOINED.match(text, end) if closed != end else None)


def value_of(text: str, start: int, end: int, *, element: bool) -> Value | None:
    """Return the value of the name from `start` to `end`. With `element`, the name follows `<`."""
    if match := joined(text, start, end):
        return Value(match.end(), Joiner.NOTATION)
    quote = text[start - 1] if start and text[start - 1] in "\"'`" else ""
    if element:
        match = _IN_ELEMENT.match(text, end) if _is_element(text, start, end) else None
    elif quote and _NAMED_ELEMENT.search(text, max(0, start - 9), start):
        match = _IN_NAMED_ELEMENT.match(text, end)
    if match:
        return Value(match.end(), Joiner.NOTATION)
    if text.startswith(" ", end) and (_is_option(text, start) or _SET.search(text, max(0, start - 9), start)):
        return Value(end + 1, Joiner.NOTATION)
    if quote and (_OPENED.search(text, max(0, start - 3), start - 1) or text.startswith("--", start)):
        match = _NEXT_ARGUMENT.match(text, _closed(text, start, end))
        sets = _SETTER.search(text, max(0, start - _LONGEST_SETTER), start - 1)
        return Value(match.end(), Joiner.NOTATION if sets else Joiner.ARGUMENT) if match else None
    if (match := _IN_TABLE.match(text, end)) and _FIRST_IN_LINE.search(text, max(0, start - 41), start):
        return Value(match.end(), Joiner.COLUMN)
    match = _WORDS.match(text, end)
    return Value(match.end(), Joiner.PROSE) if match else None


def _is_option(text: str, start: int) -> bool:
    """Return whether an option's name starts here, with two dashes, or with one as in PowerShell."""
    before = text[start - 1 : start] if start else "\0"
    return text.startswith("--", start) or (text.startswith("-", start) and before in " \t\r\n\0")


def _closed(text: str, start: int, end: int) -> int:
    """Return the end of the name, after its closing quote if it is quoted. The text may begin after the first quote."""
    quote = text[start - 1] if start else text[end : end + 1]
    return end + 1 if quote and quote in "\"'`" and text.startswith(quote, end) else end


def _is_element(text: str, start: int, end: int) -> bool:
    opened = text.rfind("<", 0, start)
    if not _PLACE_OF_A_VALUE.search(text, max(0, opened - 10), opened):
        return True
    return text.find(f"</{text[opened + 1 : end]}", end, end + _LONGEST_ELEMENT) >= 0
