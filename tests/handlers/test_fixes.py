"""The texts of problems are for every client, so an option of `jitney` stands beside what the API calls it."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "functions" / "jitney"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
NAMED_TOO = re.compile(r"`[a-z_]+`|\"[a-z_]+\"|/v1/|\bsign in\b|\bdeploy\b", re.IGNORECASE)


@pytest.mark.parametrize("folder", ["core/access", "core/gateway", "core/identity", "core/review", "handlers"])
def test_a_fix_with_an_option_says_what_to_send_too(folder: str):
    for path in (PACKAGE / folder).rglob("*.py"):
        tree = ast.parse(path.read_text())
        parts = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
        for each in ast.walk(tree):
            text = "" if id(each) in parts else _text(each)
            assert NAMED_TOO.search(text) or not OPTION.search(text), (path.name, text)


def _text(node: ast.AST) -> str:
    """Return a text in one line with its variable parts left out, or ""."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    written = isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    return str(node.value) if written else ""  # type: ignore[attr-defined]
