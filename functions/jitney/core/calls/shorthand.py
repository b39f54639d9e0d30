"""The AWS CLI's shorthand for structures: `Objects=[{Key=a},{Key=b}],Quiet=true`.

The result must equal the CLI's, so each step follows its parser, awscli/shorthand.py:
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
Values in files (`Key@=file://...`) are on the caller's machine, so they are not read.
"""

import re
import string
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 20
_SINGLE_QUOTED = re.compile(r"'(?:\\'|[^'])*'")
_DOUBLE_QUOTED = re.compile(r'"(?:\\"|[^"])*"')
_START = r"\!\#-&\(-\+\--\<\>-Z\\\\-z\u007c-\uffff"
_FIRST = re.compile(rf"(\\,|[{_START}])(\\,|[\s\!\#-&\(-\+\--\\\\\^-\|~-\uffff])*")
_SECOND = re.compile(rf"(\\,|[{_START}])(\\,|[\s\!\#-&\(-\+\--\<\>-\uffff])*")
_KEY = re.compile(r"[A-Za-z0-9\-_.#/:]*")


class _Unread(ValueError):
    """The AWS CLI refuses the word, or reads a file."""


def read_shorthand(word: str) -> dict[str, Any] | None:
    """Return the structure in one word; None when the AWS CLI refuses it or reads a file."""
    try:
        return _Shorthand(word).structure()
    except _Unread:
        return None


class _Shorthand:
    """Reads one word from left to right. `_at` is the position of the next character."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._at = 0
        self._depth = 0

    def structure(self) -> dict[str, Any]:
        """Return the whole word: NAME=VALUE, separated by commas."""
        name, value = self._member(self._values)
        found = {name: value}
        while self._at < len(self._word):
            self._expect(",")
            name, value = self._member(self._values)
            if name in found:
                raise _Unread(name)
            found[name] = value
        return found

    def _member(self, read: Callable[[], Any]) -> tuple[str, Any]:
        name = self._take(_KEY)
        self._skip_space()
        self._expect("=")
        return name, read()

    def _values(self) -> Any:
        if self._at >= len(self._word):
            return ""
        return self._nested() if self._next() in ("[", "{") else self._separated()

    def _separated(self) -> Any:
        """Return one value, or a list of several, up to a comma before a NAME=."""
        first = self._one(_FIRST, optional=True)
        self._skip_space()
        if self._next() != ",":
            return first
        found = [first]
        while self._next() == ",":
            self._expect(",")
            value = self._one_more()
            if value is None:
                break
            found.append(value)
        return found if len(found) > 1 else first

    def _one_more(self) -> str | None:
        """Return the next value of a list without brackets; None if it is the NAME of the next member.

        Then the position is that of the last comma before it.
        """
        try:
            value = self._one(_SECOND, optional=False)
            self._skip_space()
        except _Unread:
            value = None
        if value is None or self._next() not in ("", ","):
            self._at = self._word.rindex(",", 0, self._at + 1)  # it may be an escaped one inside the value
            return None
        return value

    def _nested(self) -> Any:
        """Return a list or a structure in brackets, or one value."""
        opens = self._next()
        if opens not in ("[", "{"):
            return self._one(_FIRST, optional=True)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _Unread("nested too deeply")
        self._expect(opens)
        found = self._list() if opens == "[" else self._members()
        self._at += 1
        self._depth -= 1
        return found

    def _list(self) -> list[Any]:
        found = []
        while self._next() != "]":
            found.append(self._nested())
            self._end_of_item("]")
        return found

    def _members(self) -> dict[str, Any]:
        found = {}
        while self._next() != "}":
            name, value = self._member(self._nested)
            self._end_of_item("}")
            found[name] = value
        return found

    def _end_of_item(self, closes: str) -> None:
        self._skip_space()
        if self._next() != closes:
            self._expect(",")

    def _one(self, plain: re.Pattern[str], *, optional: bool) -> str:
        """Return one value, in quotes or not. An `optional` one may be empty."""
        quote = self._next()
        if quote in ("'", '"'):
            text = self._take(_SINGLE_QUOTED if quote == "'" else _DOUBLE_QUOTED)[1:-1]
            return text.replace(f"\\{quote}", quote).replace("\\\\", "\\")
        if optional and not plain.match(self._word[self._at :]):
            return ""
        return self._take(plain).replace("\\,", ",").rstrip()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._word[self._at :])
        if not found:
            raise _Unread("another character")
        self._at += found.end()
        return found[0]

    def _expect(self, character: str) -> None:
        self._skip_space()
        if self._next() != character:
            raise _Unread(character)
        self._at += 1
        self._skip_space()

    def _next(self) -> str:
        """Return the next character; "" at the end."""
        return self._word[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while self._next() and self._next() in string.whitespace:
            self._at += 1
