"""Words that Jitney does not use, and where they stand: in strings, docstrings, comments, docs and pages.

`python -m tests.voice [PATH ...]` lists them. docs/ and CONTRIBUTING.md say what to write instead.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PROSE = {".md", ".html", ".sql", ".yaml", ".cedar", ".cedarschema", ".json", ".toml"}
BANNED = re.compile(
    r"\b(?:tell|tells|telling|told|whoever|whatever|whichever|whom|somebody|someone|anybody|nobody|everybody|anew|shall"
    r"|besides|by then|be it|of which|in whose|so that it|taken? back|takes back|taking back|took back|given? back|gives back"
    r"|giving back|gave back|broke the glass|broken glass|breaks? the glass|the glass|stands? in for|stand-ins?"
    r"|go its way|no less can|story|stories|deeds)\b",
    re.IGNORECASE,
)


class Hit(NamedTuple):
    """A banned word and where it stands."""

    path: Path
    line: int
    word: str
    text: str


def files() -> list[Path]:
    """The files whose prose is read: all that git tracks but lock files, data and this check."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kept = [
        ROOT / name
        for name in listed
        if not name.startswith(("tests/voice.py", "tests/test_voice.py", "data/masks", "data/operations.yaml"))
    ]
    return [
        path
        for path in kept
        if path.is_file() and (path.suffix == ".py" or path.suffix in PROSE) and "lock" not in path.name
    ]


def hits(path: Path) -> Iterator[Hit]:
    """The banned words in one file: in Python only those in strings and comments."""
    text = path.read_text(encoding="utf-8")
    for number, line in _prose(text) if path.suffix == ".py" else enumerate(text.splitlines(), 1):
        for match in BANNED.finditer(line):
            yield Hit(path, number, match[0].lower(), line.strip())


def _prose(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.STRING, tokenize.COMMENT, tokenize.FSTRING_MIDDLE}:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line


def main(arguments: list[str]) -> None:
    """Print the banned words below the paths, or everywhere, and how many there are in each room."""
    chosen = [ROOT / each for each in arguments] or [ROOT]
    found = [hit for path in files() if any(path.is_relative_to(each) for each in chosen) for hit in hits(path)]
    for hit in found:
        print(f"{hit.path.relative_to(ROOT)}:{hit.line}: {hit.word}: {hit.text[:110]}")  # noqa: T201
    print(len(found))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
