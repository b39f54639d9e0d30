"""The AWS CLI's shorthand for structures: `Objects=[{Key=a},{Key=b}],Quiet=true`.

Only plain words are parsed. The CLI has its own rules for quotes, spaces, escapes and files, and the result here must
equal the CLI's: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
"""

import re
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 20
_NOT_PLAIN = r"\s\x00-\x1f\U00010000-\U0010ffff,\"'\\\[\]{}"
_NAME = re.compile(r"([\w.#/:-]+)=", re.ASCII)
_TEXT = re.compile(rf"[^={_NOT_PLAIN}][^{_NOT_PLAIN}]*")
# The rest of a list without brackets: Resources=a,b,EventBusName=c
_MORE = re.compile(rf"(?:,[^={_NOT_PLAIN}]+(?=,|\Z))+")


def read_shorthand(word: str) -> dict[str, Any] | None:
    """Return the structure in one word; None when the AWS CLI might read it differently."""
    try:
        found, end = _structure(word, 0, 0)
    except ValueError:
        return None
    return found if end == len(word) else None


def _structure(word: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    """Return the structure of one or more NAME=VALUE, and the position where they end."""
    members: dict[str, Any] = {}
    while True:
        name = _must(_NAME, word, at)
        if name[1] in members:
            raise ValueError(f"{name[1]} is given twice")
        value, at = _value(word, name.end(), depth)
        if not depth and isinstance(value, str) and (more := _MORE.match(word, at)):
            value, at = [value, *more[0].split(",")[1:]], more.end()
        members[name[1]] = value
        if not word.startswith(",", at):
            return members, at
        at += 1


def _list(word: str, at: int, depth: int) -> tuple[list[Any], int]:
    values = []
    while True:
        value, at = _value(word, at, depth)
        values.append(value)
        if not word.startswith(",", at):
            return values, at
        at += 1


def _value(word: str, at: int, depth: int) -> tuple[Any, int]:
    if word.startswith("[", at):
        return _within(_list, "]", word, at + 1, depth + 1)
    if word.startswith("{", at):
        return _within(_structure, "}", word, at + 1, depth + 1)
    text = _must(_TEXT, word, at)
    return text[0], text.end()


def _within(
    read: Callable[[str, int, int], tuple[Any, int]], close: str, word: str, at: int, depth: int
) -> tuple[Any, int]:
    """Return what `read` finds, and the position after the bracket `close`."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if word.startswith(close, at):
        return ({} if close == "}" else []), at + 1
    value, at = read(word, at, depth)
    if not word.startswith(close, at):
        raise ValueError(f"{close} is missing")
    return value, at + 1


def _must(pattern: re.Pattern[str], word: str, at: int) -> re.Match[str]:
    found = pattern.match(word, at)
    if not found:
        raise ValueError("not plain")
    return found
