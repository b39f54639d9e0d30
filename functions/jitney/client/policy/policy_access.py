"""The policies of a configuration, for the commands that decide with them. Needs the extra `policy`."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jitney.client.inputs.optional import load_extra
from jitney.client.problems import Invalid

CONFIGURATION = Path("jitney.yaml")


@contextmanager
def policy_module(file: Path, title: str) -> Generator[Any]:
    """Yield the module that reads policies. Its ConfigurationError becomes Invalid, with `title` and all its errors."""
    module = load_extra("jitney.configuration.policy_check", "policy", title)
    try:
        yield module
    except module.ConfigurationError as error:
        faults = {"errors": module.problem_documents(file, error)}
        raise Invalid("configuration_invalid", title, f"{file} is not valid.", "", faults) from error


def loaded_policies(config: Path | None, title: str) -> Any:
    """Return the `LoadedPolicies` of `config`, or of jitney.yaml in the working directory. Raises Invalid."""
    file = config or CONFIGURATION
    with policy_module(file, title) as module:
        return module.load_policies(file, os.environ)
