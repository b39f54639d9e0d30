"""The broker's own code, where there is a checkout of it: the installed client carries none of it.

A second copy would one day say something else. Beside a checkout's client it is what is deployed from it.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

from client.problems import Invalid

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"


def reach(code: str, lacks: str, fix: str) -> None:
    """Make `core` and `infra` importable. Raises Invalid with `code`, what this installation `lacks`, and `fix`."""
    if not (FUNCTIONS / "core" / "__init__.py").exists():
        raise Invalid(code, "No checkout here", f"This installation lacks {lacks}.", fix)
    for folder in (str(FUNCTIONS), str(ROOT)):
        if folder not in sys.path:
            sys.path.append(folder)


def with_packages(module: str, code: str, title: str) -> Any:
    """A module that needs packages which other commands do without. Raises Invalid with `code` and `title`."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        detail = f"The Python package {error.name} is not installed."
        raise Invalid(
            code, title, detail, "In a checkout of Jitney: `make setup`, or pip install -e '.[audit]'."
        ) from error
