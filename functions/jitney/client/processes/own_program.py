"""The path of `jitney`, for commands that other programs start."""

import shutil
import sys
from pathlib import Path


def own_program() -> str:
    """Return the path of this program, because another program that starts it may have another PATH."""
    own = Path(sys.argv[0])
    if own.name == "jitney" and own.exists():
        return str(own.absolute())
    return shutil.which("jitney") or "jitney"
