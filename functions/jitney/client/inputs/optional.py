"""Loads the modules whose packages an extra of the wheel installs."""

import importlib
from typing import Any

from jitney.client.problems import Invalid


def load_extra(module: str, extra: str, title: str) -> Any:
    """Import a module of Jitney that needs the packages of `extra`.

    Raises Invalid with the code extra_missing when a package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "jitney":
            raise
        detail = f"The Python package {error.name} is not installed."
        fix = f"pip install 'PATH[{extra}]', where PATH is the wheel or checkout that you installed."
        raise Invalid("extra_missing", title, detail, fix) from error
