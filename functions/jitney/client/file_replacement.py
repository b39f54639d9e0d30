"""Replaces a file atomically: no reader sees a part of it, and after a failure the old file is still there."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def real_path(path: Path) -> Path:
    """Return the path without links. If links form a circle, return one of them, which cannot be read or written.

    `Path.resolve` raises RuntimeError for these before Python 3.13.
    """
    return Path(os.path.realpath(path))


def replace_file(path: Path, content: bytes, new_mode: int = 0o600) -> None:
    """Write the file. An existing one keeps its mode, a new one gets `new_mode`. Raises OSError.

    A symbolic link stays, and the file that it names is replaced.
    """
    real, mode = real_path(path), new_mode
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(real.stat().st_mode)
    descriptor, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(mode)
        Path(temporary).replace(real)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
