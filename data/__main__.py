"""`python -m data`: build the tables of actions and operations anew.

Exits 1, and leaves the old tables, when a new one looks wrong.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from core.actions import Actions
from core.calls.table import Operations
from data import operations, table
from data.levels import Corrections
from data.sources import HERE, Sources, fetch

TABLE = HERE.parent / "functions" / "core" / "actions.bin"
OPERATIONS = TABLE.with_name("operations.bin")
AWS_CLI = HERE.parent / ".local" / "aws-cli" / "bin" / "python"


def build(sources: Sources, old: Actions | None) -> tuple[bytes, list[str]]:
    """The new table and the faults that forbid using it."""
    credentials = yaml.safe_load((HERE / "corrections.yaml").read_text("utf-8"))
    corrections = Corrections(sources.overrides(), (name for names in credentials.values() for name in names))
    ahead: dict[str, dict[str, str]] = yaml.safe_load((HERE / "ahead.yaml").read_text("utf-8"))
    blocks, overtaken = {}, []
    for prefix, actions, types in sources.services():
        more = ahead.get(prefix, {})
        overtaken += [f"{prefix}:{name}" for name in more if name.lower() in actions]
        blocks[prefix] = table.service_block(prefix, table.with_more(actions, more), types, corrections)
    encoded = table.encode(sources.about(), blocks)
    sentinels = yaml.safe_load((HERE / "sentinels.yaml").read_text("utf-8"))
    faults = [f"ahead.yaml names {name}, which the sources know by now" for name in overtaken]
    return encoded, [*faults, *table.faults(Actions.load(encoded), old, sentinels, corrections.unused())]


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


def build_operations(actions: Actions) -> tuple[bytes, list[str]]:
    """The table of operations, and how many of them have a known action, a line for each service.

    Raises ValueError when operations.yaml names what is not there.
    """
    rules = yaml.safe_load((HERE / "operations.yaml").read_text("utf-8"))["services"]
    command = [AWS_CLI, HERE / "aws_cli.py", *rules]
    cli = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603
    return operations.encode(rules, actions, cli)


def replace_operations(path: Path, actions: Actions) -> tuple[bool, list[str]]:
    """Write the table at `path` anew, unless fewer operations have a known action than before."""
    encoded, lines = build_operations(actions)
    old = Operations.load(path.read_bytes()).report if path.exists() else {}
    faults = operations.faults(Operations.load(encoded).report, old)
    if not faults:
        path.write_bytes(encoded)
    summary = f"{path.name}: {len(encoded)} bytes: {'not written' if faults else 'written'}"
    return not faults, [*lines, *(f"FAULT: {fault}" for fault in faults), summary]


def main() -> int:
    """Fetch the sources, build, and tell what changed."""
    scratch = Path(os.environ.get("JITNEY_LOCAL_DIR", ".local")) / "data"
    written, lines = replace(TABLE, fetch(scratch.resolve()))
    also, more = replace_operations(OPERATIONS, Actions.load(TABLE.read_bytes()))
    print(*lines, *more, sep="\n")  # noqa: T201
    return 0 if written and also else 1


if __name__ == "__main__":
    sys.exit(main())
