"""The sockets of background endpoints: where they are, and that no other user answers in place of one (row GW 13)."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jitney.client.background import starting
from jitney.client.background.asking import EndpointAnswer, ask, is_own, socket_address
from jitney.client.background.need import PROFILE, EndpointNeed, endpoints_folder
from jitney.client.holding.grant_cache import opened_entry
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.problems import ClientProblem, Invalid, Unavailable


def attacked(folder: Path, act: Callable[[Path], None]) -> str:
    """Return the problem's code with the folder of endpoints as `act` makes it."""
    folder.parent.mkdir(parents=True)
    act(folder)
    with pytest.raises(Invalid) as caught:
        endpoints_folder({"XDG_STATE_HOME": str(folder.parent.parent)})
    return caught.value.code


def open_to_others(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def a_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")


@pytest.mark.parametrize("act", [open_to_others, a_link, Path.touch])
def test_gw_13_a_folder_that_others_prepared_is_refused(tmp_path: Path, act: Callable[[Path], None]):
    assert attacked(tmp_path / "state/jitney/endpoints", act) == "endpoint_folder_unusable"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_gw_13_a_folder_of_another_user_is_refused(tmp_path: Path):
    def foreign(folder: Path) -> None:
        folder.mkdir(mode=0o700)
        os.chown(folder, 65534, 65534)

    assert attacked(tmp_path / "state/jitney/endpoints", foreign) == "endpoint_folder_unusable"


def test_commands_of_a_session_and_of_cron_find_the_same_endpoint(tmp_path: Path):
    of_cron = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    assert endpoints_folder({**of_cron, "XDG_RUNTIME_DIR": str(tmp_path)}) == endpoints_folder(of_cron)


def test_gw_13_the_user_at_the_other_side_is_checked(monkeypatch: pytest.MonkeyPatch):
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert is_own(one)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert not is_own(one)


def test_gw_13_an_answer_of_another_users_process_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX) as listener:
        with socket_address(tmp_path, "k.sock") as address:
            listener.bind(address)
        listener.listen()
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        with pytest.raises(ClientProblem) as caught:
            ask(tmp_path, "k", "GET", "/")
    assert caught.value.code == "endpoint_foreign"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n{"])
def test_cli_04_an_endpoint_that_was_killed_within_its_answer_is_none(tmp_path: Path, sent: bytes):
    with socket.socket(socket.AF_UNIX) as listener:
        with socket_address(tmp_path, "k.sock") as address:
            listener.bind(address)
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(sent)

        thread = threading.Thread(target=answer)
        thread.start()
        assert ask(tmp_path, "k", "GET", "/") is None
        thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a full queue refuses connections")
def test_a_command_waits_for_an_endpoint_that_many_others_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.client.background.asking.ANSWER_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
        listener.bind(str(tmp_path / "k.sock"))
        listener.listen(0)
        other.connect(str(tmp_path / "k.sock"))  # the queue is full now
        with pytest.raises(Unavailable, match="did not answer within"):
            ask(tmp_path, "k", "GET", "/")


@pytest.mark.parametrize("length", [1, 200])
def test_a_socket_has_an_address_in_a_folder_with_a_path_of_any_length(tmp_path: Path, length: int):
    before = Path.cwd()
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as listener:
        folder = Path(short) / ("d" * length)
        folder.mkdir()
        with socket_address(folder, f"{'k' * 32}.sock") as address:
            listener.bind(address)
        assert (folder / f"{'k' * 32}.sock").is_socket()
    assert Path.cwd() == before


IN_A_CLOSED_FOLDER = """
import os, sys
from pathlib import Path
from jitney.client.background.asking import ask
os.chdir(sys.argv[1])
os.chmod(sys.argv[1], 0)
if os.geteuid() == 0:
    os.setuid(65534)
print(ask(Path("/tmp"), "0" * 32, "GET", "/"))
"""


def test_an_endpoint_is_looked_for_from_a_folder_that_the_user_cannot_open(tmp_path: Path):
    """As with `sudo -u agent jitney credentials` in another user's home folder."""
    (tmp_path / "closed").mkdir()
    words = [sys.executable, "-c", IN_A_CLOSED_FOLDER, str(tmp_path / "closed")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_working_folder_that_was_removed_has_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    need = EndpointNeed(PROFILE, "g-abcdefghijklm2", ConnectionOptions())
    there = need.key({})
    (tmp_path / "gone").rmdir()
    assert need.key({}) != there


def test_cli_04_the_lock_of_a_start_is_not_deleted_as_old_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """If it were, another command would start a second endpoint, and the first would end."""
    need = EndpointNeed(PROFILE, "g-aaaaaaaaaaaaaa", ConnectionOptions())
    locks, now = tmp_path / "starts", time.time()
    locks.mkdir()
    (locks / need.key()).touch()
    os.utime(locks / need.key(), (now - 8 * 86_400 + 5,) * 2)

    def asked(*_: object) -> EndpointAnswer:
        os.close(opened_entry(locks, "other", now + 60))
        return EndpointAnswer(200, {})

    monkeypatch.setattr(starting, "ask", asked)
    starting.start_and_ask(tmp_path / "endpoints", need, "GET", "/")
    assert (locks / need.key()).exists()


@pytest.mark.parametrize("status", [201, 400, 503])
def test_an_answer_of_the_endpoint_that_is_no_success_is_its_problem(status: int):
    document = {"code": "grant_ended", "title": "Ended", "detail": "It ended.", "fix": "Request again."}
    with pytest.raises(ClientProblem, match="It ended"):
        EndpointAnswer(status, document).content()
    assert EndpointAnswer(200, document).content() == document
