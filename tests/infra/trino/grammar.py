"""Trino's grammar (dt-sql-parser, by ANTLR). It is installed at first use and runs in its own process."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.identity import NODE, install

FOLDER = Path(__file__).parent


def faults(texts: Sequence[str]) -> list[list[str]]:
    """Return the grammar's errors in each text."""
    install(FOLDER)
    run = subprocess.run(
        [str(NODE), "grammar.mjs"], cwd=FOLDER, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    found: list[list[str]] = json.loads(run.stdout)
    assert len(found) == len(texts)
    return found
