"""The change of one file: planned from its present text, shown, made in one step, and undone."""

import difflib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jitney.client.file_replacement import real_path, replace_file
from jitney.client.problems import Invalid
from jitney.client.setup.clients import FileText, Reader, is_ours
from jitney.client.setup.insertions import inserted, without
from jitney.client.setup.ledger import ChangeRecord, Ledger, digest
from jitney.core.masking.mask_tags import NO_TAGS
from jitney.core.masking.text import mask_text


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A client's file, how to read it, and the `place` of Jitney's entry in it. A new file gets `mode`.

    `real` is `path` without links, and may not exist.
    """

    path: Path
    real: Path
    read: Reader
    place: tuple[str, ...]
    mode: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """A planned change. `after` is None if the file is to be removed, and equals `before` if nothing is to change.

    `note` explains an unusual change. `record` has the data to undo the change.
    """

    file: ClientFile
    before: str | None
    after: str | None
    record: ChangeRecord | None
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    def diff(self) -> list[str]:
        """Return the changed lines in the format of diff, with their secrets masked. Lines have no line ending."""
        old = str(self.file.path) if self.before is not None else "/dev/null"
        new = str(self.file.path) if self.after is not None else "/dev/null"
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        lines = difflib.unified_diff(before, after, old, new, n=1, lineterm="")
        return [mask_text(line, NO_TAGS) for line in lines]

    def make(self, ledger: Ledger) -> None:
        """Write the file, or remove it. Raises Invalid when it was changed meanwhile, or cannot be written."""
        path, real = self.file.path, self.file.real
        if real_path(path) != real or _text(path) != self.before:
            raise unwritable(path, "was changed by another program meanwhile", "Run the command again.")
        missing = [folder for folder in real.parents if not folder.exists()]
        record = self.record and replace(self.record, folders=(*self.record.folders, *map(str, missing)))
        former = ledger.record(path, self.file.place)
        if record:
            ledger.keep(path, self.file.place, record)
        try:
            if self.after is None:
                real.unlink()
            else:
                real.parent.mkdir(parents=True, exist_ok=True)
                replace_file(real, self.after.encode("utf-8"), self.file.mode)
        except OSError as error:
            raise unwritable(path, f"cannot be written: {error.strerror}", "Check its permissions.") from error
        if record is None:
            ledger.keep(path, self.file.place, None)
            for folder in former.folders if former else ():
                with suppress(OSError):  # not empty, or gone
                    os.rmdir(folder)  # noqa: PTH106 - the path is text


def addition(file: ClientFile, entry: Mapping[str, Any], record: ChangeRecord | None) -> FileChange:
    """Return the change that puts the entry at the place.

    Raises Invalid when the file is not valid, or when the place holds an entry of another program.
    """
    text = _text(file.path)
    base, existed = text or "", text is not None
    known = _entry(file, base)
    if known == entry:
        return FileChange(file, text, text, record, "already set up")
    folders: tuple[str, ...] = ()
    if known is not None:
        _require_ours(file, known)
        if record:
            existed, folders = record.existed, record.folders
        base = _restored(base, record) or _read(file, base).without(file.place)
    free = (depth for depth in range(len(file.place)) if _entry(file, base, file.place[: depth + 1]) is None)
    after, spans = inserted(base, _insertions(file, base, entry))
    made = ChangeRecord(existed, digest(base), digest(after), spans, next(free), folders)
    return FileChange(file, text, after, made)


def removal(file: ClientFile, record: ChangeRecord | None) -> FileChange:
    """Return the change that removes the entry from the place.

    If the file was not changed later, it gets its former bytes. Otherwise only the entry is removed, and `note` says
    so. Raises Invalid when the place holds an entry of another program, or the file is not valid.
    """
    text = _text(file.path)
    if text is None:
        return FileChange(file, None, None, None, "there is nothing to remove")
    restored = _restored(text, record)
    if record and restored is not None:
        return FileChange(file, text, restored if record.existed else None, None)
    known = _entry(file, text)
    if known is None:
        return FileChange(file, text, text, None, "there is nothing to remove")
    _require_ours(file, known)
    after = _read(file, text).without(file.place)
    for depth in range(len(file.place) - 1, record.levels if record else len(file.place), -1):
        if _entry(file, after, file.place[:depth]) == {}:
            after = _read(file, after).without(file.place[:depth])
    note = "the file was changed since; only Jitney's entry is removed" if record else ""
    emptied = record is not None and not record.existed and after.strip() in ("", "{}")
    return FileChange(file, text, None if emptied else after, None, note)


def _restored(text: str, record: ChangeRecord | None) -> str | None:
    """Return the text from before the recorded change; None if the file was changed since."""
    if record is None or digest(text) != record.after:
        return None
    before = without(text, record.spans)
    return before if digest(before) == record.before else None


def _text(path: Path) -> str | None:
    """Return the file's text with its line endings; None without the file. Raises Invalid when it cannot be read."""
    if path.is_fifo():
        raise unwritable(path, "is a named pipe", "Move it away. Reading it would wait for a writer.")
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise unwritable(path, f"cannot be read: {error}", "Check it and its permissions.") from error


def _read(file: ClientFile, text: str) -> FileText:
    try:
        return file.read(text)
    except (ValueError, RecursionError) as error:
        fix = "Correct the file, or move it away. Jitney did not change it."
        raise _invalid(f"{file.path} cannot be read: {error}.", fix) from error


def _entry(file: ClientFile, text: str, place: Sequence[str] = ()) -> Any:
    return _read(file, text).entry(place or file.place)


def _insertions(file: ClientFile, text: str, entry: Mapping[str, Any]) -> Any:
    try:
        return _read(file, text).insertions(file.place, entry)
    except ValueError as error:
        detail = f"Nothing can be added to {file.place[0]} in {file.path}, because of its form: {error}."
        fix = "Write the entry yourself, or write that member in its usual form. The file was not changed."
        raise _invalid(detail, fix) from error


def _require_ours(file: ClientFile, entry: Any) -> None:
    if not is_ours(entry):
        where = ".".join(file.place)
        detail = f"{file.path} already has {where}, and it does not start Jitney."
        fix = "Rename or remove that entry. Jitney did not change it."
        raise Invalid("client_conflict", "The name is in use", detail, fix)


def _invalid(detail: str, fix: str) -> Invalid:
    return Invalid("client_file_invalid", "The client's file is not valid", detail, fix)


def unwritable(path: Path, what: str, fix: str) -> Invalid:
    """Return the problem that a file cannot be changed. `what` says what is wrong with it."""
    return Invalid("client_file_unwritable", "The client's file cannot be changed", f"{path} {what}.", fix)
