"""Remembers the grant of each request on this machine: only ids, never credentials (row STS 5).

So a background endpoint continues the previous endpoint's grant, and does not repeat a rejected request.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jitney.client.api.responses import GRANT_ID
from jitney.client.holding.grant_memory import GrantMemory
from jitney.client.inputs.connection_options import STATE_FOLDER_FIX
from jitney.client.problems import Invalid

# A review lasts at most seven days (`review_seconds` of jitney.yaml). Its decision is remembered for one day more.
_KEPT_SECONDS = 8 * 86_400
_ID_BYTES = 64
_TITLE = "Grants cannot be remembered"


@dataclass(slots=True, kw_only=True)
class CachedGrant(GrantMemory):
    """The cache entry of one request, held under a lock."""

    _descriptor: int
    _path: Path

    def remember(self, grant_id: str) -> None:
        """Remember this id. "" forgets the entry. Raises Invalid, with the old id in place, if it cannot be written."""
        try:
            _write(self._descriptor, grant_id)
        except OSError as error:
            raise _unwritable(str(self._path), error) from error
        self.grant_id = grant_id


@contextmanager
def locked_entry(folder: Path, key: str, now: float | None = None) -> Generator[CachedGrant]:
    """Yield the entry of `key`. It is locked until the block or this process ends, and other processes wait.

    Only the owner can read the file (0600). It is deleted eight days after the last write. `now` is in epoch seconds.
    Raises Invalid if an id could not be written to it, before a grant is requested.
    """
    with locked_file(folder, key, now) as descriptor:
        yield CachedGrant(grant_id=_read(descriptor, folder / key), _descriptor=descriptor, _path=folder / key)


@contextmanager
def locked_file(folder: Path, key: str, now: float | None = None) -> Generator[int]:
    """Yield the descriptor of the file `key`, locked until the block or this process ends. Other processes wait.

    Raises Invalid if it cannot be opened or locked.
    """
    descriptor = opened_entry(folder, key, now)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            detail = f"{folder / key} cannot be locked: {error.strerror}."
            fix = "Set XDG_STATE_HOME to a folder on a local disk."
            raise Invalid("grant_cache_unwritable", _TITLE, detail, fix) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: Path) -> str:
    """Return the id. A new entry reserves its space, so that a full disk is noticed before a grant is requested."""
    found = os.pread(descriptor, _ID_BYTES, 0)
    grant_id = found.decode("ascii", "replace").rstrip(" ")
    grant_id = grant_id if GRANT_ID.fullmatch(grant_id) else ""
    if len(found) < _ID_BYTES:
        try:
            _write(descriptor, grant_id)
        except OSError as error:
            raise _unwritable(str(path), error) from error
    return grant_id


def _write(descriptor: int, grant_id: str) -> None:
    """Write the whole entry in place, which needs no further space on the disk."""
    os.pwrite(descriptor, grant_id.encode("ascii").ljust(_ID_BYTES), 0)


def opened_entry(folder: Path, key: str, now: float | None = None) -> int:
    """Return the descriptor of a file that only its owner can read. Files of more than eight days ago are deleted.

    Raises Invalid if it cannot be opened.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old(folder, time.time() if now is None else now)
        return os.open(folder / key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(str(folder), error) from error


def _unwritable(place: str, error: OSError) -> Invalid:
    detail = f"{place} cannot be written: {error.strerror}."
    return Invalid("grant_cache_unwritable", _TITLE, detail, STATE_FOLDER_FIX)


def _forget_old(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        # Another process may delete old entries at the same time.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < now - _KEPT_SECONDS:
                path.unlink()
