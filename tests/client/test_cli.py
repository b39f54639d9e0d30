"""The command as a whole."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jitney import __version__
from jitney.client.cli import COMMANDS, build_app
from jitney.client.main import main
from tests.cli import invoke
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    assert __version__ == importlib.metadata.version("jitney")
    said = f"jitney {__version__}\n"
    result = invoke(["--version"])
    assert (result.exit_code, result.stdout) == (0, said)
    monkeypatch.setattr(sys, "argv", ["jitney", "--version"])
    main()
    assert capsys.readouterr() == (said, "")


def test_the_version_loads_nothing():
    words = [sys.executable, "-X", "importtime", JITNEY, "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "jitney.client.main" in loaded
    assert not {"typer", "rich", "argparse", "dataclasses", "importlib.metadata", "json", "jitney.client.cli"} & loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_same_with_and_without_the_others(name: str):
    alone, among_all = (CliRunner().invoke(app, [name, "--help"]) for app in (build_app([name]), build_app()))
    assert (alone.exit_code, alone.stdout) == (0, among_all.stdout)


def test_a_command_loads_no_other_commands():
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "sys.argv = ['jitney', 'audit', 'show', '--help']\n"
        "from jitney.client.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "jitney.client.commands.audit_show" in loaded
    assert not {f"jitney.client.commands.{each}" for each in ("doctor", "init", "mcp", "policy", "run")} & loaded


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_and_installed_for_a_shell(home: Path, shell: str):
    environment = os.environ | {"SHELL": f"/bin/{shell}", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = subprocess.run(
        [JITNEY, "--show-completion", shell],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert f"_JITNEY_COMPLETE=complete_{shell}" in shown.stdout
    subprocess.run(
        [JITNEY, "--install-completion", shell], env=environment, capture_output=True, timeout=PATIENCE, check=True
    )
    written = "".join(path.read_text("utf-8") for path in home.rglob("*") if path.is_file())
    assert f"_JITNEY_COMPLETE=complete_{shell}" in written


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("jitney gra", {"grants"}),
        ("jitney grants ", {"list", "show", "release", "revoke"}),
        ("jitney run --kee", {"--keep"}),
    ],
)
def test_a_shell_is_offered_commands_and_options(line: str, offered: set[str]):
    words = line.split(" ")
    asked = {"_JITNEY_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [JITNEY], env=os.environ | asked, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["request", "--json"], "TARGET"),
        (["request", "analytics-prod", "--json", "--nope"], "--nope"),
        (["grants", "shw", "--json"], "shw"),
        (["explain", "--json", "--nope", "--", "aws"], "--nope"),
    ],
)
def test_an_invalid_command_line_is_json_with_json(line, said):
    result = invoke(line)
    problem = json.loads(result.stdout)
    assert (result.exit_code, result.stderr, problem["code"]) == (2, "", "usage")
    assert said in problem["detail"]


def test_an_invalid_command_line_is_shown_like_every_other_problem():
    result = invoke(["request", "analytics-prod", "--nope"])
    first, detail, fix = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, first) == (2, "", "jitney: The command line is not valid")
    assert "--nope" in detail
    assert fix == "Fix: See `jitney request --help`."
    assert "Usage: " in invoke(["grants"]).output


def test_a_missing_choice_is_named_on_one_line():
    result = invoke(["suspend"])
    assert result.stderr.splitlines()[1].endswith("Choose from: agent, unit, human, issuer, target")


def test_json_for_the_command_behind_the_dashes_is_not_ours():
    result = invoke(["run", "--nope", "--", "aws", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")


def test_help_says_what_it_is_and_the_exit_codes():
    shown = invoke(["--help"], env={"COLUMNS": "200"}).stdout
    assert "AWS access for the moment an agent needs it." in shown
    assert "Exit codes: 0 done" in shown
