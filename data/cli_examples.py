"""Reads the commands in the AWS CLI's own examples."""

import re
from collections.abc import Iterator
from pathlib import Path

_COMMAND = re.compile(r"\s+(?:[$>]\s*)?(?=aws\s)")
# A line goes on after \ in a POSIX shell, ^ in Windows' shell and ` in PowerShell.
_CONTINUED = re.compile(r"\s*[\\^`]\s*\Z")
# A quoted text, an escaped character, or one character.
_PIECE = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\(?P<escaped>.)|(?P<bare>.)", re.DOTALL)
_ESCAPED_IN_DOUBLE = re.compile(r"\\([$`\"\\\n])")
_SUBSTITUTION = re.compile(r"(?<!\\)[$`]")
_PLACEHOLDER = re.compile(r"<[\w -]+>")


class NotPlainError(ValueError):
    """The command is not one plain command line."""


def examples(folder: Path, services: set[str]) -> Iterator[str]:
    """Yield every command in the examples of services, given their names in the AWS CLI."""
    for page in sorted(folder.rglob("*.rst")):
        if page.relative_to(folder).parts[0] in services:
            yield from commands(page.read_text("utf-8"))


def commands(page: str) -> Iterator[str]:
    """Yield the commands of a page, each without continuations but with the line breaks in its quotes."""
    lines = iter(page.splitlines())
    for line in lines:
        if begin := _COMMAND.match(line):
            command = line[begin.end() :]
            while (continued := _CONTINUED.search(command)) or _is_open(command):
                more = next(lines, None)
                if more is None:
                    break
                command = f"{command[: continued.start()]} {more.strip()}" if continued else f"{command}\n{more}"
            yield command


def _is_open(command: str) -> bool:
    """Return whether a quote is not closed."""
    pieces = list(_PIECE.finditer(command))
    return any(piece["bare"] in ("'", '"') for piece in pieces) or (bool(pieces) and pieces[-1].end() != len(command))


def words_of(command: str) -> list[str]:
    """Return the words that a POSIX shell passes to `aws`, up to a pipe or a redirection.

    Raises NotPlainError for what the command alone does not say: variables, substitutions, placeholders.
    """
    if _PLACEHOLDER.search(command):
        raise NotPlainError("a placeholder")
    words: list[str] = []
    word: str | None = None
    for piece in _PIECE.finditer(command):
        kind = str(piece.lastgroup)
        text = piece[kind]
        if kind in ("bare", "double") and _SUBSTITUTION.search(text):
            raise NotPlainError("a substitution")
        if kind == "bare" and text in "'\"":
            raise NotPlainError("an open quote")
        if kind == "bare" and (text in "|<>;&" or (text == "#" and word is None)):
            break
        if kind == "bare" and text.isspace():
            words += [word] if word is not None else []
            word = None
        else:
            word = (word or "") + (_ESCAPED_IN_DOUBLE.sub(_unescaped, text) if kind == "double" else text)
    return [*words, word] if word is not None else words


def _unescaped(found: re.Match[str]) -> str:
    return "" if found[1] == "\n" else found[1]
