"""The command as a whole."""

import importlib.metadata

from typer.testing import CliRunner

from client.cli import app


def test_the_version_is_the_packages():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"jitney {importlib.metadata.version('jitney')}\n")


def test_help_says_what_it_is_and_the_exit_codes():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert "AWS access for the moment an agent needs it." in shown
    assert "Exit codes: 0 done" in shown
