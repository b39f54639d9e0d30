"""`jitney init`: writes clients' files, checks them, and undoes it byte by byte."""

import errno
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from jitney.client.file_replacement import replace_file
from jitney.client.setup.clients import AWS, CLIENTS
from tests.cli import invoke

API = ["--api", "https://jitney.example.com"]
FILES = {
    ".mcp.json": '{\n  "mcpServers": {"docs": {"command": "docs", "env": {"API_KEY": "canary-0123456789abcdef"}}}\n}',
    ".cursor/mcp.json": '{\r\n  "mcpServers": {\r\n    "docs": {"command": "docs"}\r\n  }\r\n}\r\n',
    ".vscode/mcp.json": '{\n\t// the team\'s\n\t"servers": {},\n\t"inputs": [], // none\n}\n',
    ".gemini/settings.json": "",
    "~/.codex/config.toml": 'model = "o9"  # fast\n\n[mcp_servers.docs]\ncommand = "docs"',
    "~/.aws/config": "[default]\nregion = eu-west-1\n# end",
}
PROFILE = ["aws", "--target", "analytics-prod", "--call", "aws s3 ls s3://reports", "--reason", "report"]
NAMES = [each.name for each in CLIENTS]


def at(name: str, project: Path) -> Path:
    return Path(name).expanduser() if name.startswith("~") else project / name


def init(*words: str, expected: int = 0, answer: str | None = None) -> str:
    result = invoke(["init", *words], text=answer)
    assert result.exit_code == expected, result.output
    assert not isinstance(result.exception, Exception)
    return result.output


def everything(*folders: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file's content and mode, and the folders."""
    found = [path for folder in folders for path in folder.rglob("*") if path.name != "init.json"]
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", stat.S_IMODE(path.stat().st_mode))
        for path in found
        if path.name not in ("jitney", "share", ".local")
    }


@pytest.fixture
def files(project: Path) -> Path:
    for name, text in FILES.items():
        path = at(name, project)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o640)
    return project


@pytest.mark.parametrize("there", [True, False])
def test_cli_07_remove_leaves_every_file_byte_identical(
    project: Path, home: Path, request: pytest.FixtureRequest, there: bool
):
    if there:
        request.getfixturevalue("files")
    before = everything(project, home)
    init(*NAMES, *PROFILE, "--yes", *API)
    changed = everything(project, home)
    assert len([name for name in FILES if changed[str(at(name, project))] != before.get(str(at(name, project)))]) == 6
    if there:
        assert {mode for name, (_, mode) in changed.items() if Path(name).is_file()} == {0o640}
    init(*NAMES, "aws", "--yes", "--remove")
    assert everything(project, home) == before


def test_cli_07_each_client_starts_the_server(files: Path, home: Path):
    init(*NAMES, "--yes", *API)
    program = str(files.parent / "programs" / "jitney")
    for client in CLIENTS:
        path = client.path(files, {})
        entry = client.read(path.read_bytes().decode()).entry(client.place)
        assert [entry["command"], *entry["args"]] == [program, "mcp", *API]
        assert entry.get("type", "stdio") == "stdio"
    assert "docs" in json.loads((files / ".mcp.json").read_text())["mcpServers"]


@pytest.mark.parametrize("named", ["~/other", "$HOME/other"])
def test_cli_07_the_aws_profile_is_written_where_the_aws_cli_reads(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch, named: str
):
    monkeypatch.setenv("AWS_CONFIG_FILE", named)
    init(*PROFILE, "--yes", *API)
    assert "[profile jitney]" in (home / "other").read_text()


def test_cli_07_an_aws_profile_with_keys_in_the_credentials_file_is_not_written(project: Path, home: Path):
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws/credentials").write_text("[jitney]\naws_access_key_id = A\naws_secret_access_key = s\n")
    assert "SDKs prefer these" in " ".join(init(*PROFILE, "--yes", *API, expected=2).split())
    assert not (home / ".aws/config").exists()


def test_cli_07_a_changed_file_keeps_the_changes_of_others(files: Path):
    init("claude-code", "codex", "--yes", *API)
    mcp, toml = files / ".mcp.json", Path("~/.codex/config.toml").expanduser()
    mcp.write_text(mcp.read_text().replace('"docs"', '"manual"', 1))
    toml.write_text("# mine\n" + toml.read_text())
    said = init("claude-code", "codex", "--yes", "--remove")
    assert said.count("the file was changed since; only Jitney's entry is removed") == 2
    assert json.loads(mcp.read_text())["mcpServers"].keys() == {"manual"}
    assert toml.read_text().startswith("# mine\n" + FILES["~/.codex/config.toml"])
    assert "jitney" not in toml.read_text()


def test_cli_07_a_file_of_ours_that_others_filled_stays(project: Path):
    init("cursor", "--yes", *API)
    path = project / ".cursor" / "mcp.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"other": 1}, indent=2))
    init("cursor", "--yes", "--remove")
    assert json.loads(path.read_text()) == {"other": 1}


def test_cli_07_an_empty_file_of_ours_goes_even_if_it_was_reformatted(project: Path):
    init("cursor", "--yes", *API)
    path = project / ".cursor" / "mcp.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    init("cursor", "--yes", "--remove")
    assert list(project.iterdir()) == []


def test_cli_07_an_entry_of_another_program_is_never_touched(project: Path):
    other = '{"mcpServers": {"jitney": {"command": "something-else"}}}'
    (project / ".mcp.json").write_text(other)
    for words in (["--yes", *API], ["--yes", "--remove"]):
        said = init("claude-code", *words, expected=2)
        assert "The name is in use" in said
        assert (project / ".mcp.json").read_text() == other


def test_cli_07_new_options_replace_the_entry_and_the_original_comes_back(files: Path):
    init("vscode", "--yes", *API)
    assert "already set up" in init("vscode", "--yes", *API)
    init("vscode", "--yes", "--api", "https://other.example.com")
    text = (files / ".vscode" / "mcp.json").read_text()
    assert "other.example.com" in text
    assert "jitney.example.com" not in text
    init("vscode", "--yes", "--remove")
    assert (files / ".vscode" / "mcp.json").read_bytes().decode() == FILES[".vscode/mcp.json"]


def test_cli_07_a_committed_entry_is_removed_without_a_record(project: Path, home: Path):
    init("claude-code", "--yes", *API)
    (home / ".local" / "share" / "jitney" / "init.json").unlink()
    init("claude-code", "--yes", "--remove")
    assert json.loads((project / ".mcp.json").read_text()) == {"mcpServers": {}}
    assert "nothing to remove" in init("claude-code", "--yes", "--remove")


@pytest.mark.starts_server
def test_cli_07_a_server_that_does_not_start_changes_nothing(files: Path, home: Path):
    before = everything(files, home)
    (files.parent / "programs" / "jitney").write_text("#!/bin/sh\necho 'no api' >&2\nexit 2\n")
    said = init("claude-code", "--yes", *API, expected=6)
    assert "no api" in said
    assert "jitney doctor" in said
    assert everything(files, home) == before


def test_cli_07_a_folder_that_was_removed_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "gone").mkdir()
    monkeypatch.chdir(home / "gone")
    (home / "gone").rmdir()
    assert "is in the working folder, which was removed" in init("claude-code", "--yes", *API, expected=2)


@pytest.mark.starts_server
def test_cli_07_a_server_starts_without_a_folder_for_temporary_files(files: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    assert "+" in init("claude-code", "--yes", *API)
    assert "jitney" in json.loads((files / ".mcp.json").read_text("utf-8"))["mcpServers"]


@pytest.mark.starts_server
def test_cli_07_settings_of_the_environment_are_written_because_clients_pass_none_on(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_API_URL", "https://jitney.example.com")
    monkeypatch.setenv("JITNEY_TOKEN_FILE", "~/token")
    init("claude-code", "--yes")
    args = json.loads((project / ".mcp.json").read_text())["mcpServers"]["jitney"]["args"]
    assert args == ["mcp", *API, "--token-file", str(home / "token")]


def test_cli_07_settings_that_only_the_shell_has_are_an_error_with_the_way_out(
    project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_TOKEN_URL", "https://idp.example.com/token")
    monkeypatch.setenv("JITNEY_CLIENT_ID", "reader-agent")
    said = init("claude-code", "--yes", *API, expected=2)
    assert "JITNEY_TOKEN_URL, JITNEY_CLIENT_ID" in said
    assert "--settings-file FILE" in said
    monkeypatch.delenv("JITNEY_TOKEN_URL")
    monkeypatch.delenv("JITNEY_CLIENT_ID")
    monkeypatch.setenv("JITNEY_SETTINGS_FILE", "own.toml")
    init("claude-code", "--yes", *API)
    args = json.loads((project / ".mcp.json").read_text())["mcpServers"]["jitney"]["args"]
    assert args == ["mcp", "--settings-file", str(project / "own.toml"), *API]


def test_cli_07_an_argument_that_a_client_would_expand_is_refused(project: Path):
    said = init("claude-code", "--yes", "--token-command", "sh -c 'echo $TOKEN'", expected=2)
    assert "config.toml" in said
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_cli_07_nothing_is_written_without_consent(
    project: Path, monkeypatch: pytest.MonkeyPatch, answer: str, written: bool
):
    monkeypatch.setattr("jitney.client.commands.init._terminal", lambda: True)
    said = init("vscode", *API, answer=answer)
    assert '+    "jitney": {' in said
    assert (project / ".vscode" / "mcp.json").exists() == written


def test_cli_07_without_a_terminal_it_needs_yes(project: Path):
    assert "Give --yes" in init("vscode", *API, expected=2)
    assert list(project.iterdir()) == []


def test_cli_07_json_shows_the_change_and_writes_with_yes_only(files: Path):
    before = (files / ".mcp.json").read_bytes()
    shown = json.loads(init("claude-code", "--json", *API))
    (row,) = shown["clients"]
    assert (shown["written"], row["client"], row["changes"]) == (False, "claude-code", True)
    assert (files / ".mcp.json").read_bytes() == before
    assert json.loads(init("claude-code", "--json", "--yes", *API))["written"] is True
    assert (files / ".mcp.json").read_bytes() != before


def test_cli_01_a_diff_masks_the_secrets_of_other_servers(files: Path):
    said = init("claude-code", "--yes", *API)
    assert "canary-0123456789abcdef" not in said
    assert "canary-0123456789abcdef" in (files / ".mcp.json").read_text()
    assert "canary" not in Path("~/.local/share/jitney/init.json").expanduser().read_text()


def test_cli_07_only_clients_that_are_there_are_set_up(project: Path, home: Path):
    assert "No client found" in init("--yes", expected=2)
    (home / ".codex").mkdir()
    (project / ".vscode").mkdir()
    said = init("--yes", *API)
    assert "Set up Codex" in said
    assert "Set up VS Code" in said
    assert sorted(path.name for path in project.rglob("*")) == [".vscode", "mcp.json"]


def test_cli_07_an_unknown_client_is_named_with_the_known(project: Path):
    said = init("emacs", expected=2)
    assert "emacs" in said
    assert "claude-code, codex, cursor, vscode, gemini-cli, aws" in said


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("claude-code", '{"mcpServers": {} // no comments here\n}'),
        ("claude-code", '{"a": ' + "[" * 9000 + "]" * 9000 + "}"),
        ("vscode", '{"a": ' + "[" * 900 + "]" * 900 + "}"),
        ("codex", "= 1"),
        ("vscode", "{"),
        ("aws", "x = 1"),
    ],
    ids=["comment", "deep", "deep-with-comments", "toml", "open", "aws"],
)
def test_cli_07_a_file_that_its_client_would_refuse_stays(project: Path, client: str, text: str):
    path = next(each for each in (*CLIENTS, AWS) if each.name == client).path(project, {})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    words = [*PROFILE, *API] if client == "aws" else [client, *API]
    assert str(path) in init(*words, "--yes", expected=2)
    assert path.read_text() == text


@pytest.mark.parametrize("words", [[], ["--remove"]])
@pytest.mark.parametrize("folder", [False, True])
def test_cli_07_a_link_of_the_project_leads_to_no_file_outside_it(
    project: Path, tmp_path: Path, *, folder: bool, words: list[str]
):
    outside = tmp_path / "outside"
    outside.mkdir()
    if folder:
        (project / ".cursor").symlink_to(outside)
    else:
        (project / ".cursor").mkdir()
        (project / ".cursor/mcp.json").symlink_to(outside / "new.json")
    assert "leads out of" in " ".join(init("cursor", "--yes", *API, *words, expected=2).split())
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["--remove"]])
@pytest.mark.parametrize("name", [".mcp.json", "~/.codex/config.toml"])
def test_cli_07_a_link_in_a_circle_is_a_problem_that_names_it(project: Path, name: str, words: list[str]):
    path = at(name, project)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(path)
    said = init("claude-code" if path.parent == project else "codex", "--yes", *API, *words, expected=2)
    assert "cannot be read" in said
    assert path.is_symlink()


def test_cli_07_a_link_stays_a_link(project: Path):
    real = project / "shared.json"
    real.write_text("{}\n")
    (project / ".mcp.json").symlink_to(real)
    init("claude-code", "--yes", *API)
    assert (project / ".mcp.json").is_symlink()
    assert "jitney" in real.read_text()
    init("claude-code", "--yes", "--remove")
    assert real.read_text() == "{}\n"


def test_cli_07_a_file_that_changes_while_the_person_decides_is_not_overwritten(
    files: Path, monkeypatch: pytest.MonkeyPatch
):
    def edited() -> bool:
        (files / ".mcp.json").write_text("{}")
        return True

    monkeypatch.setattr("jitney.client.commands.init._agreed", edited)
    assert "changed by another program" in init("claude-code", *API, expected=2)
    assert (files / ".mcp.json").read_text() == "{}"


@pytest.mark.parametrize("folder", [False, True])
def test_cli_07_a_link_of_the_project_that_comes_while_the_person_decides_is_not_followed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, folder: bool
):
    outside = tmp_path / "outside"
    outside.mkdir()

    def linked() -> bool:
        if folder:
            (project / ".cursor").symlink_to(outside)
        else:
            (project / ".cursor").mkdir()
            (project / ".cursor/mcp.json").symlink_to(outside / "new.json")
        return True

    monkeypatch.setattr("jitney.client.commands.init._agreed", linked)
    assert "changed by another program" in " ".join(init("cursor", *API, expected=2).split())
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("other", [b"{}", b"{", b"\xff"])
def test_cli_07_what_another_program_writes_at_the_same_time_is_noticed(
    files: Path, monkeypatch: pytest.MonkeyPatch, other: bytes
):
    def overwritten(path: Path, content: bytes, mode: int) -> None:
        replace_file(path, content, mode)
        path.write_bytes(other)

    monkeypatch.setattr("jitney.client.setup.file_changes.replace_file", overwritten)
    assert "does not hold what was written" in init("claude-code", "--yes", *API, expected=2)


def test_cli_04_a_profile_lasts_as_long_as_that_of_jitney_profile(project: Path, home: Path):
    init(*PROFILE, "--yes", *API)
    assert " --for 30m " in (home / ".aws/config").read_text()


@pytest.mark.parametrize("region", ["", "eu-west-1"])
def test_cli_07_a_profile_without_a_region_is_said(project: Path, monkeypatch: pytest.MonkeyPatch, region: str):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", region)
    assert ("Profile jitney has no Region" in init(*PROFILE, "--yes", *API)) is not bool(region)


def test_cli_07_a_profile_needs_a_target(project: Path):
    assert "TARGET is missing" in init("aws", "--yes", expected=2)


def test_cli_07_a_named_pipe_is_refused_and_not_waited_for(project: Path):
    os.mkfifo(project / ".mcp.json")
    assert "is a named pipe" in " ".join(init("claude-code", "--yes", *API, expected=2).split())


def test_an_interrupted_replacement_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "secret", b"secret")
    assert list(tmp_path.iterdir()) == []
