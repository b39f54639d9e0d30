"""What tests read in modules of the repository. Each module is parsed once in a process."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """What a module imports and defines, at any depth.

    `imports` are names of modules. `members` are the names in `from MODULE import NAME`, after their modules.
    `functions` are names with their numbers of lines. `classes` are names with their lines. `calls` are the names that
    it calls, such as those of classes.
    """

    imports: list[str]
    members: list[tuple[str, str]]
    functions: list[tuple[str, int]]
    classes: list[tuple[str, int]]
    calls: list[str]


@cache
def source(path: Path) -> Source:
    """Return what the module at `path` imports and defines."""
    found = Source([], [], [], [], [])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.imports.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.imports.append(node.module)
            found.members.extend((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.functions.append((node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
        elif isinstance(node, ast.ClassDef):
            found.classes.append((node.name, node.lineno))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.calls.append(node.func.id)
    return found
