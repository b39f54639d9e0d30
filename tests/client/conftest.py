"""A broker to call, and an environment without the developer's own settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.fake_broker import FakeBroker

TOKEN = "canary.bearer.token"


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    fake = FakeBroker()
    yield fake
    fake.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, in an environment without settings of Jitney, AWS, XDG, GitHub or a proxy."""
    for name in os.environ:
        if name.startswith(("JITNEY_", "AWS_", "XDG_", "ACTIONS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


@pytest.fixture
def connected(broker: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """The broker, with the environment set so that the command finds it and a token."""
    token = home / "token"
    token.write_text(f"{TOKEN}\n")
    monkeypatch.setenv("JITNEY_API_URL", broker.url)
    monkeypatch.setenv("JITNEY_TOKEN_FILE", str(token))
    return broker
