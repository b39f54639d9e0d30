"""Reads the names of a deployment's resources from `cdk deploy --outputs-file` or .local/stack.json."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jitney.client.problems import Invalid

_TITLE = "The stack file is invalid"


class StackOutputs(NamedTuple):
    """The file's content: `local` from stack.json, and the `outputs` of the broker's stack. Either may be empty."""

    local: Mapping[str, Any]
    outputs: Mapping[str, str]


@contextmanager
def read_stack_file(stack: Path, what: str) -> Generator[StackOutputs]:
    """Yield the content of `stack`. Raises Invalid if it is unreadable, or if the block does not find `what` in it."""
    try:
        known = json.loads(stack.read_text(encoding="utf-8"))
        yield StackOutputs(known, known.get("Jitney") or {})
    except OSError as error:
        fix = "Check the file's path and permissions."
        raise Invalid("stack_file_invalid", _TITLE, f"{stack}: {error.strerror}.", fix) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        fix = "Give the file that `cdk deploy --outputs-file` wrote, or .local/stack.json."
        raise Invalid("stack_file_invalid", _TITLE, f"{stack} does not name the {what}.", fix) from error
