"""A command line as words, read as a POSIX shell would read it, without anything that a shell would act on.

What runs, redirects, expands or substitutes is refused: the words that are judged here must be the words that the
AWS CLI would get, and nothing is ever run or expanded.
"""

import re
import shlex

from jitney.core.problems import Problem

MAX_LINE = 4096

_FIX = "Write one plain AWS CLI command; put a value that holds such characters into single quotes."
_ACTING = {
    "|": "a pipe",
    "<": "a redirection",
    ">": "a redirection",
    ";": "a second command",
    "&": "a second command",
    "(": "a subshell",
    ")": "a subshell",
    "$": "a variable or substitution",
    "`": "a command substitution",
    "*": "a pattern that a shell expands",
    "?": "a pattern that a shell expands",
    "[": "a pattern that a shell expands",
    "]": "a pattern that a shell expands",
    "{": "a brace expansion",
    "}": "a brace expansion",
    "!": "a history expansion",
    "#": "a comment",
}
# Of these, a shell acts on two inside double quotes as well.
_IN_DOUBLE_QUOTES = frozenset("$`")
# What may stand before a ~ that a shell makes a home directory: the line's or a word's beginning, and these.
_BEFORE_HOME = frozenset(("", " ", "=", ":"))
# One quoted text, one escaped character, or one character as it stands.
_PIECE = re.compile(r"'[^']*'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\.|(?P<bare>[^'\"\\])")


def split_words(line: str) -> list[str]:
    """The words of `line`. Raises Problem call_invalid: too long, unprintable, unbalanced quotes, shell syntax."""
    if len(line) > MAX_LINE:
        raise _invalid(f"The command line has {len(line)} characters.", f"Use at most {MAX_LINE}.")
    if not line.isprintable():  # line breaks too
        raise _invalid("The command line holds a line break or another control character.", "Write it in one line.")
    end, before = 0, ""
    for piece in _PIECE.finditer(line):
        if piece.start() != end:
            break
        end = piece.end()
        _check(piece, before)
        before = piece[0]
    if end != len(line):
        raise _invalid("A quote or backslash of the command line is not closed.", "Close every quote.")
    return shlex.split(line, posix=True)


def _check(piece: re.Match[str], before: str) -> None:
    bare, double = piece["bare"], piece["double"]
    if bare == "~" and before in _BEFORE_HOME:
        raise _invalid("The command line holds '~', a home directory that a shell fills in.", _FIX)
    if bare and bare in _ACTING:
        raise _invalid(f"The command line holds {bare!r}, {_ACTING[bare]}.", _FIX)
    if double and (found := next((sign for sign in double if sign in _IN_DOUBLE_QUOTES), None)):
        raise _invalid(f"The command line holds {found!r} in double quotes, {_ACTING[found]}.", _FIX)


def _invalid(detail: str, fix: str) -> Problem:
    return Problem("call_invalid", detail, fix)
