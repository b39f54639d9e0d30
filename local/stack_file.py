"""stack.json: the running system's addresses, names and secrets. Only its owner can read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jitney.client.file_replacement import replace_file


def write(path: Path, description: Mapping[str, Any]) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, f"{json.dumps(description, indent=2)}\n".encode())


def read(path: Path) -> dict[str, Any] | None:
    """Return the file's content; None if it is missing or malformed."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
