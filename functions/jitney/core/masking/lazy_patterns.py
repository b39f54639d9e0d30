"""Regular expressions that are compiled at their first use.

Most texts need none, and compiling all delays a cold start.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any


@cache
def compiled(pattern: str, flags: int = re.ASCII) -> re.Pattern[str]:
    """Return the pattern, compiled at the first call."""
    return re.compile(pattern, flags)


class LazyPattern:
    """A regular expression for text, with some methods of `re.Pattern`. The first use compiles it."""

    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[..., re.Match[str] | None]
    search: Callable[..., re.Match[str] | None]
    findall: Callable[..., list[str]]
    finditer: Callable[..., Iterator[re.Match[str]]]
    sub: Callable[..., str]

    def __init__(self, pattern: str, flags: int = re.ASCII) -> None:
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        """Return a method. After the first call, Python finds all methods without calling this function."""
        if name not in type(self).__annotations__:
            raise AttributeError(name)
        made = compiled(self.pattern, self.flags)
        self.__dict__.update({each: getattr(made, each) for each in type(self).__annotations__})
        return getattr(made, name)
