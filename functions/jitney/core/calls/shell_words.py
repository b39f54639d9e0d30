"""Splits a command line into words like a POSIX shell, and refuses everything that a shell would act on.

Commands, redirections, expansions and substitutions are refused, because the AWS CLI must get exactly the words that
are explained here.
"""

import itertools
import re
import shlex
from collections.abc import Sequence

from jitney.core.calls.options import invalid_call, is_option

MAX_LINE = 4096

_FIX = "Write one plain AWS CLI command. Put a value with such characters into single quotes."
_NO_SHELL = "Remove it and what follows it, because no shell runs a call."
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
_OPERATOR = re.compile(r"(?:\d|&)?(?:>>?|<)(?:&\d)?|\|\|?|&&?|;", re.ASCII)
"""A word that a shell acts on when it is not quoted."""
# The characters that a shell also acts on inside double quotes.
_IN_DOUBLE_QUOTES = frozenset("$`")
# The characters before a ~ that a shell expands to a home directory; "" is the beginning of the line.
_BEFORE_HOME = frozenset(("", " ", "=", ":"))
_IN_QUOTES = dict.fromkeys(map(ord, "\n\t"), " ")
"""The control characters that a quoted text may have, as JSON does."""

# One quoted text, one escaped character, or one character as it stands.
_PIECE = re.compile(r"'[^']*'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\[^\n\t]|(?P<bare>[^'\"\\])", re.DOTALL)


def split_words(line: str) -> list[str]:
    """Return the words of `line`.

    A quoted text may have line breaks. Raises Problem call_invalid for a line that is too long or unprintable, for
    unbalanced quotes, and for shell syntax.
    """
    if len(line) > MAX_LINE:
        raise invalid_call(f"The command line has {len(line)} characters.", f"Use at most {MAX_LINE} characters.")
    if not line.translate(_IN_QUOTES).isprintable():
        raise invalid_call("The command line holds a control character.", "Remove it, or write its escape in JSON.")
    end, before = 0, ""
    for piece in _PIECE.finditer(line):
        if piece.start() != end:
            break
        end = piece.end()
        _check(piece, before)
        before = piece[0]
    if end != len(line):
        raise invalid_call("A quote or backslash of the command line is not closed.", "Close every quote.")
    return shlex.split(line, posix=True)


def check_operators(words: Sequence[str]) -> None:
    """Raise Problem call_invalid for a word such as `>` that is not the value of an option.

    No shell acts on it here.
    """
    for before, word in itertools.pairwise(words):
        if _OPERATOR.fullmatch(word) and not is_option(before):
            sign = next(each for each in "<>|;&" if each in word)
            raise invalid_call(f"The command line holds {word!r}, {_ACTING[sign]}.", _NO_SHELL)


def _check(piece: re.Match[str], before: str) -> None:
    bare, double = piece["bare"], piece["double"]
    if bare and ord(bare) in _IN_QUOTES:
        raise invalid_call("The command line holds a line break or a tab outside quotes.", "Write it on one line.")
    if bare == "~" and before in _BEFORE_HOME:
        raise invalid_call("The command line holds '~', which a shell expands to a home directory.", _FIX)
    if bare and bare in _ACTING:
        fix = f"{_NO_SHELL} Put a value that holds it into single quotes." if bare in "|<>;&" else _FIX
        raise invalid_call(f"The command line holds {bare!r}, {_ACTING[bare]}.", fix)
    if double and "\\\n" in double:
        raise invalid_call("The command line continues a line inside double quotes.", "Write it without the backslash.")
    if double and (found := next((sign for sign in double if sign in _IN_DOUBLE_QUOTES), None)):
        raise invalid_call(f"The command line holds {found!r} in double quotes, {_ACTING[found]}.", _FIX)
