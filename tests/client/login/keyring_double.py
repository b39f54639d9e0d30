"""A keyring of the operating system, in memory or in a file that stands for its own storage."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileBackend(KeyringBackend):
    """The keyring of several processes of a test, in the file JITNEY_TEST_KEYRING."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write(self._read() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not found")
        self._write(kept)

    def _path(self) -> Path:
        return Path(os.environ["JITNEY_TEST_KEYRING"])

    def _read(self) -> dict[str, str]:
        return dict(json.loads(self._path().read_text())) if self._path().exists() else {}

    def _write(self, entries: dict[str, str]) -> None:
        fresh = self._path().with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(entries))
        fresh.replace(self._path())


class MemoryBackend(KeyringBackend):
    """The keyring of one test."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.writes = 0

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.writes += 1
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")
