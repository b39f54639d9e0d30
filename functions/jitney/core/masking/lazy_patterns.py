"""Regular expressions that are compiled when they are first used: most texts need none, a cold start waits for all."""

import re
import sys
from collections.abc import Callable, Iterator
from functools import cache


@cache
def compiled(pattern: str, flags: int = re.ASCII) -> re.Pattern[str]:
    """The pattern, compiled once."""
    return re.compile(pattern, flags)


class LazyPattern:
    """As `re.Pattern`, for texts."""

    __slots__ = ("flags", "pattern")

    def __init__(self, pattern: str, flags: int = re.ASCII) -> None:
        self.pattern = pattern
        self.flags = flags

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        """A match that begins at `at`."""
        return compiled(self.pattern, self.flags).match(text, at)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """A match of the whole text."""
        return compiled(self.pattern, self.flags).fullmatch(text)

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """The first match between `start` and `end`."""
        return compiled(self.pattern, self.flags).search(text, start, end)

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        """All matches between `start` and `end` that do not overlap."""
        return compiled(self.pattern, self.flags).finditer(text, start, end)

    def sub(self, change: Callable[[re.Match[str]], str], text: str) -> str:
        """The text with each match changed."""
        return compiled(self.pattern, self.flags).sub(change, text)
