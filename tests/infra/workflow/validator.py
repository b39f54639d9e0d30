"""The validator of the Amazon States Language (asl-validator).

It is installed at first use and runs in its own process.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from local.identity import NODE, install

FOLDER = Path(__file__).parent
PROGRAM = "node_modules/asl-validator/dist/bin/asl-validator.js"


def complaints(machine: dict[str, Any]) -> str:
    """Return the validator's complaints about the machine; "" for none."""
    install(FOLDER)
    command = [str(NODE), PROGRAM, "--json-definition", json.dumps(machine)]
    run = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    # 1: the machine is invalid. Anything else is the validator's own failure.
    assert run.returncode in {0, 1}, run.stderr
    return run.stdout + run.stderr if run.returncode else ""
