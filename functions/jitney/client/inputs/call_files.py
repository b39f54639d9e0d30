"""Files that a call names (`file://PATH`): the client reads them, and sends the needed parts to the broker."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from jitney.client.problems import Invalid

TEXT_FILE = "file://"
MAX_BYTES = 256 * 1024


def with_contents(calls: Iterable[str]) -> tuple[str, ...]:
    """Return the AWS CLI command lines with the parts of files that each needs.

    Raises Invalid when a call needs a file that cannot be read, or cannot be explained with its files.
    """
    return tuple(_with_contents(call) if TEXT_FILE in call else call for call in calls)


def _with_contents(call: str) -> str:
    from jitney.core.calls.file_contents import insert_contents  # noqa: PLC0415 - few calls name a file
    from jitney.core.calls.operations import OperationTable  # noqa: PLC0415
    from jitney.core.problems import PROBLEMS, Problem  # noqa: PLC0415
    from jitney.resources import OPERATIONS  # noqa: PLC0415

    try:
        return insert_contents(call, _read, OperationTable.load(OPERATIONS.read_bytes()))
    except Problem as problem:
        if problem.code == "operation_unknown":  # the broker's table of operations may be newer
            return call
        raise Invalid(problem.code, PROBLEMS[problem.code].title, problem.detail, problem.fix) from problem


def _read(path: str) -> str:
    """Return the text of a file, found as the AWS CLI finds it. Raises UnreadFileError."""
    from jitney.core.calls.file_contents import UnreadFileError  # noqa: PLC0415

    found = Path(os.path.expandvars(path)).expanduser()
    try:
        # A pipe or a device can be read only once, by the command itself.
        if not stat.S_ISREG(found.stat().st_mode):
            raise UnreadFileError(f"{path} is not a regular file.")
        with found.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UnreadFileError(f"{path} is larger than {MAX_BYTES // 1024} KiB.")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadFileError(f"{path} is not UTF-8.") from error
    except OSError as error:
        raise UnreadFileError(f"{path} cannot be read: {error.strerror}.") from error
    except RuntimeError as error:
        raise UnreadFileError(f"{path} names no home directory.") from error
