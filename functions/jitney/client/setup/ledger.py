"""The changes of `jitney init` on this machine: their places, and the hashes of the files before and after.

No content is kept. The hashes and places are enough to restore a file byte by byte, unless it was changed later.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from jitney.client.file_replacement import real_path, replace_file
from jitney.client.problems import Invalid
from jitney.client.setup.insertions import Span


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change: whether the file existed, its hashes, the inserted spans, and the created folders.

    `levels` is how many members of the path to the place existed before.
    """

    existed: bool
    before: str
    after: str
    spans: tuple[Span, ...]
    levels: int
    folders: tuple[str, ...] = ()


def digest(text: str) -> str:
    """Return the hash that shows whether a file's text is unchanged."""
    return sha256(text.encode("utf-8")).hexdigest()


class Ledger:
    """The records of the changes, in one file that only the user can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, path: Path, place: Sequence[str]) -> ChangeRecord | None:
        """Return the record of the change at this place of the file; None without one."""
        found = self._read().get(_key(path, place))
        if not isinstance(found, dict):
            return None
        with suppress(KeyError, TypeError, ValueError):
            spans = tuple(Span(int(offset), int(length)) for offset, length in found["spans"])
            return ChangeRecord(**found | {"spans": spans, "folders": tuple(map(str, found["folders"]))})
        return None

    def keep(self, path: Path, place: Sequence[str], record: ChangeRecord | None) -> None:
        """Store the record, or forget the place's record. Raises Invalid when that is impossible."""
        known = self._read()
        known.pop(_key(path, place), None)
        if record:
            known[_key(path, place)] = asdict(record)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(known, indent=2).encode())
        except OSError as error:
            detail = f"{self._path} cannot be written: {error.strerror}."
            fix = "Set XDG_DATA_HOME to a folder that you can write to. Without it, the change could not be undone."
            raise Invalid("init_unrecorded", "The change cannot be recorded", detail, fix) from error

    def _read(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            document = json.loads(self._path.read_bytes())
            if isinstance(document, dict):
                return document
        return {}


def _key(path: Path, place: Sequence[str]) -> str:
    return json.dumps([str(real_path(path)), *place])
