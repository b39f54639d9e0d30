"""The cache of grants: its content, who can read it, and several processes at once."""

import errno
import fcntl
import os
import resource
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jitney.client.holding.grant_cache import locked_entry, locked_file
from jitney.client.problems import Invalid
from tests.client.fake_broker import GRANT_ID

KEY = "0123456789abcdef"


def test_a_grant_is_remembered_and_forgotten(tmp_path: Path):
    with locked_entry(tmp_path / "a" / "b", KEY) as first:
        assert first.grant_id == ""
        first.remember(GRANT_ID)
    with locked_entry(tmp_path / "a" / "b", KEY) as second:
        assert second.grant_id == GRANT_ID
        second.remember("")
    with locked_entry(tmp_path / "a" / "b", KEY) as third:
        assert third.grant_id == ""


def test_cli_01_the_memory_is_its_owners_alone_and_holds_the_id_alone(tmp_path: Path):
    before = os.umask(0)
    try:
        with locked_entry(tmp_path / "jitney", KEY) as place:
            place.remember(GRANT_ID)
    finally:
        os.umask(before)
    (file,) = (tmp_path / "jitney").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_bytes().strip() == GRANT_ID.encode()


def test_cli_07_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(Invalid, match="cannot be locked: No locks available"), locked_file(tmp_path, KEY):
        raise AssertionError


@pytest.mark.parametrize("content", [b"\xff\x00", b"g-short", b"../../v1/health", GRANT_ID.encode() + b"x"])
def test_a_spoilt_entry_is_nothing_remembered(tmp_path: Path, content: bytes):
    (tmp_path / KEY).write_bytes(content)
    with locked_entry(tmp_path, KEY) as place:
        assert place.grant_id == ""
        place.remember(GRANT_ID)
    assert (tmp_path / KEY).read_bytes().strip() == GRANT_ID.encode()


def test_one_at_a_time_may_ask_for_the_same(tmp_path: Path):
    seen: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with locked_entry(tmp_path, KEY) as place:
            seen.append(place.grant_id)

    thread = threading.Thread(target=second)
    with locked_entry(tmp_path, KEY) as place:
        thread.start()
        waiting.wait()
        assert seen == []
        place.remember(GRANT_ID)
    thread.join()
    assert seen == [GRANT_ID]


def test_different_requests_do_not_wait_for_each_other(tmp_path: Path):
    with locked_entry(tmp_path, KEY), locked_entry(tmp_path, "other"):
        assert {path.name for path in tmp_path.iterdir()} == {KEY, "other"}


def test_entries_are_forgotten_a_day_after_the_longest_review(tmp_path: Path):
    now = time.time()
    for name, age in (("old", 8 * 86_400 + 100), ("young", 8 * 86_400 - 100)):
        (tmp_path / name).write_text(GRANT_ID)
        os.utime(tmp_path / name, (now - age, now - age))
    with locked_entry(tmp_path, KEY, now):
        assert {path.name for path in tmp_path.iterdir()} == {"young", KEY}


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow within the block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_sts_05_a_full_disk_is_found_before_a_grant_is_requested(tmp_path: Path):
    with pytest.raises(Invalid) as refused, full_disk(), locked_entry(tmp_path, KEY):
        pass
    assert refused.value.fix.startswith("Free space on its disk")


def test_end_01_an_entry_has_its_place_on_the_disk_and_a_failed_write_loses_nothing(tmp_path: Path):
    other = GRANT_ID[:-1] + "a"
    with locked_entry(tmp_path, KEY) as place:
        place.remember(GRANT_ID)
        size = (tmp_path / KEY).stat().st_size
        place.remember(other)
        assert (tmp_path / KEY).stat().st_size == size
        with pytest.raises(Invalid, match="cannot be written"), full_disk():
            place.remember("")
        assert place.grant_id == other
    with locked_entry(tmp_path, KEY) as place:
        assert place.grant_id == other


def test_a_link_is_not_followed(tmp_path: Path):
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / KEY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="cannot be written"), locked_entry(tmp_path, KEY):
        pass
    assert (tmp_path / "elsewhere").read_text() == "kept"


def test_an_unwritable_folder_is_a_problem_with_a_fix(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid) as refused, locked_entry(tmp_path / "file" / "jitney", KEY):
        pass
    assert "XDG_STATE_HOME" in refused.value.fix
