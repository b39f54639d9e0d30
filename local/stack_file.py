"""stack.json: the running system's addresses, names and secrets. Only its owner can read it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(path: Path, description: Mapping[str, Any]) -> None:
    """Write the file atomically. Only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=2)
        file.write("\n")
    fresh.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Return the file's content; None if it is missing or malformed."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
