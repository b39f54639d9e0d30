"""Words that Jitney does not use, where they occur, and how many each room may still hold.

`python -m tests.voice [PATH ...]` lists them; `python -m tests.voice --floors` prints today's FLOORS.
Write instead:

    notify (tell), revoke (take back), release (give back), renew (issue anew), redrive (go its way again)
    resume (wake), break-glass (the glass), delegate (stand-in), report (story, deeds), leftover (left behind)
    requested (asked for), requester (who asks), on behalf of (for whom), escaped (inert), now (by now), must (shall)
    the reviewer, an operator, the agent (whoever, somebody, nobody, everybody)
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PROSE = {".md", ".html", ".sql", ".yaml", ".cedar", ".cedarschema", ".json", ".toml"}
BANNED = re.compile(
    r"\b(?:tell|tells|telling|told|whoever|whatever|whichever|whom|somebody|someone|anybody|nobody|everybody|anew|shall"
    r"|besides|by then|be it|of which|in whose|so that it|taken? back|takes back|taking back|took back"
    r"|given? back|gives back|giving back|gave back|broke the glass|broken glass|breaks? the glass|the glass"
    r"|stands? in for|stand-ins?|go its way|no less can|story|stories|deeds"
    r"|inert|wakes?|woken|asked for|who asks|left behind|by now|what there is|in the place of)\b",
    re.IGNORECASE,
)


FLOORS: dict[str, int] = {
    "benchmarks": 0,
    "data": 0,
    "docs": 0,
    "infra": 0,
    "jitney": 0,
    "jitney/adapters": 0,
    "jitney/client": 0,
    "jitney/configuration": 0,
    "jitney/core": 0,
    "jitney/handlers": 0,
    "jitney/pages": 0,
    "local": 0,
    "policies": 0,
    "root": 0,
    "tests": 11,
}
"""How many banned words each room holds. Lower a number when the room has fewer; never raise one."""
LONGEST_SENTENCE = 28
"""The most words in a sentence of a page."""


class Hit(NamedTuple):
    """A banned word and its place."""

    path: Path
    line: int
    word: str
    text: str

    def __str__(self) -> str:
        """Return the place, the word and its line."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.word}: {self.text[:110]}"


def files() -> list[Path]:
    """Return the files to read: all that git tracks except lock files, data, this check and its list of words."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kept = [
        ROOT / name
        for name in listed
        if not name.startswith(("tests/voice.py", "tests/test_voice.py", "data/masks", "data/operations.yaml"))
    ]
    return [
        path
        for path in kept
        if path.is_file() and (path.name == "Makefile" or path.suffix in {".py", *PROSE}) and "lock" not in path.name
    ]


def hits(path: Path) -> Iterator[Hit]:
    """Yield the banned words of one file. In Python, only strings, comments and defined names are read."""
    text = path.read_text(encoding="utf-8")
    if not BANNED.search(text.replace("_", " ")):  # most files; reading a file's tokens takes long
        return
    for number, line in _prose(text) if path.suffix == ".py" else enumerate(text.splitlines(), 1):
        for match in BANNED.finditer(line):
            yield Hit(path, number, match[0].lower(), line.strip())


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a Markdown text, including its lists and tables."""
    for token in MarkdownIt().enable("table").parse(text):
        flat = "".join(
            child.content if child.type in {"text", "code_inline"} else " " * child.type.endswith("break")
            for child in token.children or ()
        )
        yield from (sentence for sentence in re.split(r"(?<=[.!?:;])\s+", flat) if sentence)


def room(path: Path) -> str:
    """Return the room of a file: its part of the product, or else its first folder."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "functions":
        return "/".join(parts[1:3]) if len(parts) > 3 else "jitney"
    return parts[0] if len(parts) > 1 else "root"


def by_room() -> dict[str, list[Hit]]:
    """Return the banned words of each room, with an empty list for a room without them."""
    found: dict[str, list[Hit]] = {}
    for path in files():
        found.setdefault(room(path), []).extend(hits(path))
    return dict(sorted(found.items()))


def _prose(text: str) -> Iterator[tuple[int, str]]:
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.STRING, tokenize.COMMENT, tokenize.FSTRING_MIDDLE}:
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, line
        elif before in {"def", "class"}:
            yield token.start[0], token.string.replace("_", " ")
        before = token.string


def main(arguments: list[str]) -> None:
    """Print the banned words below the paths, or everywhere, and their number."""
    if arguments == ["--floors"]:
        for name, found in by_room().items():
            print(f'    "{name}": {len(found)},')
        return
    chosen = [ROOT / each for each in arguments] or [ROOT]
    shown = [hit for path in files() if any(path.is_relative_to(each) for each in chosen) for hit in hits(path)]
    for hit in shown:
        print(hit)
    print(len(shown))


if __name__ == "__main__":
    main(sys.argv[1:])
