"""`python -m data`: build the action table anew. Exits 1, and leaves the old table, when the new one looks wrong."""

import os
import sys
from pathlib import Path

import yaml

from core.actions import Actions
from data import table
from data.levels import Corrections
from data.sources import HERE, Sources, fetch

TABLE = HERE.parent / "functions" / "core" / "actions.bin"


def build(sources: Sources, old: Actions | None) -> tuple[bytes, list[str]]:
    """The new table and the faults that forbid using it."""
    credentials = yaml.safe_load((HERE / "corrections.yaml").read_text("utf-8"))
    corrections = Corrections(sources.overrides(), (name for names in credentials.values() for name in names))
    blocks = {
        prefix: table.service_block(prefix, actions, types, corrections)
        for prefix, actions, types in sources.services()
    }
    encoded = table.encode(sources.about(), blocks)
    sentinels = yaml.safe_load((HERE / "sentinels.yaml").read_text("utf-8"))
    return encoded, table.faults(Actions.load(encoded), old, sentinels, corrections.unused())


def replace(path: Path, sources: Sources) -> tuple[bool, list[str]]:
    """Write the table at `path` anew, unless it has faults; whether it was written, and what to tell."""
    old = Actions.load(path.read_bytes()) if path.exists() else None
    encoded, faults = build(sources, old)
    new = Actions.load(encoded)
    if not faults:
        path.write_bytes(encoded)
    about = ", ".join(f"{name} {version}" for name, version in new.about.items())
    summary = f"{path.name}: {len(encoded)} bytes of {about}: {'not written' if faults else 'written'}"
    return not faults, [*(table.changes(new, old) if old else ()), *(f"FAULT: {fault}" for fault in faults), summary]


def main() -> int:
    """Fetch the sources, build, and tell what changed."""
    scratch = Path(os.environ.get("JITNEY_LOCAL_DIR", ".local")) / "data"
    written, lines = replace(TABLE, fetch(scratch.resolve()))
    print(*lines, sep="\n")  # noqa: T201
    return 0 if written else 1


if __name__ == "__main__":
    sys.exit(main())
