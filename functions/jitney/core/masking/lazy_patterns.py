"""Regular expressions that are compiled at their first use.

Most texts need none, and compiling all delays a cold start.
"""

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache


@cache
def compiled(pattern: str, flags: int = re.ASCII) -> re.Pattern[str]:
    """Return the pattern, compiled at the first call."""
    return re.compile(pattern, flags)


class LazyPattern:
    """A regular expression with the interface of `re.Pattern`, for text."""

    __slots__ = ("flags", "pattern")

    def __init__(self, pattern: str, flags: int = re.ASCII) -> None:
        self.pattern = pattern
        self.flags = flags

    def match(self, text: str, at: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """Return the match that starts at `at` and ends at most at `end`, if there is one."""
        return compiled(self.pattern, self.flags).match(text, at, end)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the match of the whole text, if there is one."""
        return compiled(self.pattern, self.flags).fullmatch(text)

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """Return the first match between `start` and `end`, if there is one."""
        return compiled(self.pattern, self.flags).search(text, start, end)

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        """Yield all non-overlapping matches between `start` and `end`."""
        return compiled(self.pattern, self.flags).finditer(text, start, end)

    def sub(self, change: Callable[[re.Match[str]], str], text: str) -> str:
        """Return the text with each match changed."""
        return compiled(self.pattern, self.flags).sub(change, text)
