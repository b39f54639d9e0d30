"""A broker to call, and an environment without the developer's own settings."""

import http.client
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jitney.client.background.asking import ask, socket_address
from tests.client.fake_broker import FakeBroker

TOKEN = "canary.bearer.token"


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    fake = FakeBroker()
    yield fake
    fake.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home folder, in an environment without settings of Jitney, AWS, XDG, GitHub or a proxy."""
    for name in os.environ:
        if name.startswith(("JITNEY_", "AWS_", "XDG_", "ACTIONS_", "GITHUB_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("NO_COLOR", "1")
    yield folder
    stop_background_endpoints(folder)


def stop_background_endpoints(home: Path) -> None:
    """Stop the endpoints that commands with this home folder left running."""
    folder = home / ".local/state/jitney/endpoints"
    for each in folder.glob("*.sock"):
        ask(folder, each.stem, "POST", "/.jitney/stop")


@pytest.fixture
def homeless(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home folder is known: there is no HOME, and the user is in no list of users."""

    def unknown(self: Path) -> Path:
        if self.parts[:1] == ("~",):
            raise RuntimeError("Could not determine home directory.")
        return self

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "expanduser", unknown)


@pytest.fixture
def connected(broker: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """The broker, with the environment set so that the command finds it and a token."""
    token = home / "token"
    token.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("JITNEY_API_URL", broker.url)
    monkeypatch.setenv("JITNEY_TOKEN_FILE", str(token))
    return broker


def kill_background_endpoints(home: Path) -> None:
    """Kill the endpoints that commands with this home folder left running, as the kernel does when memory is short."""
    folder = home / ".local/state/jitney/endpoints"
    for each in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX) as connection, socket_address(folder, each.name) as address:
            connection.connect(address)
            process, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            os.kill(process, signal.SIGKILL)
            with suppress(ConnectionResetError):  # it had not accepted the connection yet
                assert connection.recv(1) == b""  # it has ended


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[http.client.HTTPResponse]:
    """Return the answers that clients of this process begin to read. One that is not closed keeps its socket open."""
    begun: list[http.client.HTTPResponse] = []
    begin = http.client.HTTPResponse.begin

    def kept(answer: http.client.HTTPResponse) -> None:
        begun.append(answer)
        begin(answer)

    monkeypatch.setattr(http.client.HTTPResponse, "begin", kept)
    return begun
