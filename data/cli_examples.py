"""Reads the commands in the AWS CLI's own examples."""

import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE = "file://"
_COMMAND = re.compile(r"\s+(?:[$>]\s*)?(?=aws\s)")
# A line goes on after \ in a POSIX shell, ^ in Windows' shell and ` in PowerShell.
_CONTINUED = re.compile(r"\s*[\\^`]\s*\Z")
# A quoted text, an escaped character, or one character.
_PIECE = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|\\(?P<escaped>.)|(?P<bare>.)", re.DOTALL)
_ESCAPED_IN_DOUBLE = re.compile(r"\\([$`\"\\\n])")
_SUBSTITUTION = re.compile(r"(?<!\\)[$`]")
_FILE = re.compile(rf"{FILE}([^\s'\"]+)")
# A placeholder for a folder does not keep a file from being shown.
_FOLDER = re.compile(rf"{FILE}<[\w -]+>/")
_UNNAMED = re.compile(r"[^`.]*\b(?:contents? of|json file (?:format|sample))\b[^`.]*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<[\w -]+>")


class NotPlainError(ValueError):
    """The command is not one plain command line."""


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a page, and the contents that the page shows of the command's files, by the paths in the command."""

    command: str
    files: Mapping[str, str] = field(default_factory=dict)


def examples(folder: Path, services: set[str]) -> Iterator[Example]:
    """Yield every example of services, given their names in the AWS CLI."""
    for page in sorted(folder.rglob("*.rst")):
        if page.relative_to(folder).parts[0] in services:
            yield from examples_of(page.read_text("utf-8"))


def examples_of(page: str) -> Iterator[Example]:
    """Yield the examples of a page."""
    lines = _FOLDER.sub(FILE, page).splitlines()
    found = list(commands(lines))
    for (command, begin), (_, end) in itertools.pairwise([*found, ("", len(lines))]):
        shown = {path: _shown(path, lines, begin, end) for path in _FILE.findall(command)}
        yield Example(command, {path: text for path, text in shown.items() if text is not None})


def _shown(path: str, lines: Sequence[str], begin: int, end: int) -> str | None:
    """Return the content of a file: the first block after its command whose title names it, or the last before it.

    Without such a block, return the first block before the next command whose title is about contents and names no
    file. The command ends at line `begin`, and the next one at line `end`.
    """
    name = re.escape(path.replace("\\", "/").rpartition("/")[2])
    named = list(_blocks(lines, re.compile(rf".*(?<![\w.-]){name}(?![\w-]).*")))
    following = [text for at, text in named if at >= begin]
    unnamed = [text for at, text in _blocks(lines, _UNNAMED) if begin <= at < end]
    return next(iter([*following, *(text for _, text in named[-1:]), *unnamed]), None)


def _blocks(lines: Sequence[str], wanted: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Yield the indented blocks with such a title, each with the number of its title's line. Commands are no file."""
    for at, title in enumerate(lines):
        if title[:1].strip() and title.rstrip().endswith(":") and wanted.fullmatch(title):
            block = list(itertools.takewhile(lambda line: not line[:1].strip(), lines[at + 1 :]))
            text = textwrap.dedent("\n".join(block)).strip()
            if text and not _COMMAND.match(f" {text}"):
                yield at, text


def commands(lines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the commands of a page, each without continuations but with the line breaks in its quotes.

    The number is that of the line after the command.
    """
    numbered = iter(enumerate(lines, 1))
    for at, line in numbered:
        end = at
        if begin := _COMMAND.match(line):
            command = line[begin.end() :]
            while (continued := _CONTINUED.search(command)) or _is_open(command):
                following = next(numbered, None)
                if following is None:
                    break
                end, more = following
                command = f"{command[: continued.start()]} {more.strip()}" if continued else f"{command}\n{more}"
            yield command, end


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
