"""What names the parts of a deployment: the outputs that `cdk deploy --outputs-file` wrote, or .local/stack.json."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jitney.client.problems import Invalid

_TITLE = "The stack's file is not usable"


class StackOutputs(NamedTuple):
    """What the file says: `local` as in stack.json, and the `outputs` of the broker's stack. Either may be empty."""

    local: Mapping[str, Any]
    outputs: Mapping[str, str]


@contextmanager
def read_stack_file(stack: Path, what: str) -> Generator[StackOutputs]:
    """What `stack` says. Raises Invalid when it cannot be read, or when the block misses something in it: `what`."""
    try:
        known = json.loads(stack.read_text(encoding="utf-8"))
        yield StackOutputs(known, known.get("Jitney") or {})
    except OSError as error:
        fix = "Check the file's path and permissions."
        raise Invalid("stack_file", _TITLE, f"{stack}: {error.strerror}.", fix) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        fix = "Name the file that `cdk deploy --outputs-file` wrote, or .local/stack.json."
        raise Invalid("stack_file", _TITLE, f"{stack} names no {what}.", fix) from error
