"""Files that a user names: too large, no text, and in a home folder that does not exist."""

from pathlib import Path

import pytest

from jitney.client.inputs.setting_files import MOST_BYTES, read_setting_file
from tests.cli import invoke
from tests.client.conftest import TOKEN
from tests.client.fake_broker import FakeBroker, issued

REQUEST = ["request", "analytics-prod", "--reason", "report"]
NAMED = [*REQUEST, "--action", "s3:GetObject", "--resource", "*"]
PLACES = {
    "permissions": ([*REQUEST, "--permissions", "FILE"], {}),
    "token": (NAMED, {"JITNEY_TOKEN_FILE": "FILE"}),
    "settings": (NAMED, {"JITNEY_SETTINGS_FILE": "FILE"}),
    "secret": (
        NAMED,
        {"JITNEY_TOKEN_FILE": "", "JITNEY_TOKEN_URL": "https://idp.example.com/token", "JITNEY_CLIENT_ID": "a"}
        | {"JITNEY_CLIENT_SECRET_FILE": "FILE"},
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["endless", "binary", "folder", "homeless"])
def test_cli_07_a_wrong_file_is_named_and_fills_no_memory(
    connected: FakeBroker, home: Path, place: str, kind: str, monkeypatch: pytest.MonkeyPatch
):
    (home / "binary").write_bytes(b"\xf5\x00")
    files = {
        "endless": "/dev/zero",
        "binary": str(home / "binary"),
        "folder": str(home),
        "homeless": "~no-such-user/file",
    }
    words, variables = PLACES[place]
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("FILE", files[kind]))
    result = invoke([word.replace("FILE", files[kind]) for word in words])
    assert result.exit_code in (2, 5)
    said = {"endless": f"more than {MOST_BYTES} bytes", "binary": "not UTF-8", "folder": "Is a directory"}
    if (kind, place) != ("homeless", "permissions"):  # no shell has replaced it there
        assert said.get(kind, "~no-such-user/file needs a home folder") in result.stderr
    assert connected.asked == []


@pytest.mark.parametrize("place", PLACES)
def test_cli_07_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_file(
    connected: FakeBroker, home: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    contents = {
        "permissions": '[{"actions": ["s3:GetObject"], "resources": ["*"]}]',
        "token": TOKEN,
        "settings": f'api = "{connected.url}"',
        "secret": "secret",
    }
    (home / "file").write_bytes(f"\ufeff{contents[place]}\r\n".encode())
    assert read_setting_file(home / "file").strip() == contents[place]
    words, variables = PLACES[place]
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("FILE", str(home / "file")))
    if place == "secret":  # no token endpoint answers here
        return
    connected.say("POST", "/v1/grants", 201, issued())
    result = invoke([word.replace("FILE", str(home / "file")) for word in words])
    assert result.exit_code == 0, result.stderr
    assert connected.calls("POST", "/v1/grants")[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_cli_07_permissions_in_a_pipe_may_begin_with_a_byte_order_mark(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 201, issued())
    given = '\ufeff[{"actions": ["s3:GetObject"], "resources": ["*"]}]\r\n'
    result = invoke([*REQUEST, "--permissions", "-"], text=given)
    assert result.exit_code == 0, result.stderr


def test_a_file_of_the_largest_size_is_read(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"x" * MOST_BYTES)
    assert len(read_setting_file(tmp_path / "file")) == MOST_BYTES
