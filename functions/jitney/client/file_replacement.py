"""Replaces a file atomically: no reader sees a part of it, and after a failure the old file is still there."""

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


def real_path(path: Path) -> Path:
    """Return the path without links. If links form a circle, return one of them, which cannot be read or written.

    `Path.resolve` raises RuntimeError for these before Python 3.13.
    """
    return Path(os.path.realpath(path))


def replace_file(path: Path, content: bytes, new_mode: int = 0o600) -> None:
    """Write the file. An existing one keeps its mode, and its owner if this user may give it away. Raises OSError.

    A new one gets `new_mode`. A symbolic link stays, and the file that it names is replaced.
    """
    real, known = real_path(path), None
    with suppress(FileNotFoundError):
        known = real.stat()
    descriptor, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            _keep_access(descriptor, known, new_mode)
        Path(temporary).replace(real)
    except BaseException:  # also Ctrl+C: the content may be a secret
        Path(temporary).unlink(missing_ok=True)
        raise


def _keep_access(descriptor: int, known: os.stat_result | None, new_mode: int) -> None:
    """Give the file its former owner and mode: in a container, root may write the file of a user of the host.

    No path is used. If root writes into another user's folder, that user could put a link in its place.
    """
    if sys.platform == "win32":
        return
    made, mode = os.fstat(descriptor), stat.S_IMODE(known.st_mode) if known else new_mode
    if known and (made.st_uid, made.st_gid) != (known.st_uid, known.st_gid):
        try:
            os.fchown(descriptor, known.st_uid, known.st_gid)
        except PermissionError:
            mode &= ~stat.S_IRWXG  # only root can give the file away, and this user's group is another one
    os.fchmod(descriptor, mode)
