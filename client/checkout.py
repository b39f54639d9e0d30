"""The broker's own code, where there is a checkout of it: the installed client carries none of it.

A second copy would one day say something else. Beside a checkout's client it is what is deployed from it.
"""

import sys
from pathlib import Path

from client.problems import Invalid

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"


def reach_core(code: str, lacks: str, fix: str) -> None:
    """Make `core` importable. Raises Invalid with `code`, what this installation `lacks`, and `fix`."""
    if not (FUNCTIONS / "core" / "__init__.py").exists():
        raise Invalid(code, "No checkout here", f"This installation lacks {lacks}.", fix)
    if str(FUNCTIONS) not in sys.path:
        sys.path.append(str(FUNCTIONS))
