"""The command as a whole."""

import importlib.metadata
import json

import pytest
from typer.testing import CliRunner

from jitney.client.cli import app


def test_the_version_is_the_packages():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"jitney {importlib.metadata.version('jitney')}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["request", "--json"], "TARGET"),
        (["request", "analytics-prod", "--json", "--nope"], "--nope"),
        (["grants", "shw", "--json"], "shw"),
        (["explain", "--json", "--nope", "--", "aws"], "--nope"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_told_as_json_where_that_is_asked_for(line, said):
    result = CliRunner().invoke(app, line)
    problem = json.loads(result.stdout)
    assert (result.exit_code, result.stderr, problem["code"]) == (2, "", "usage")
    assert said in problem["detail"]


def test_a_command_line_that_cannot_be_read_is_told_as_every_other_problem():
    result = CliRunner().invoke(app, ["request", "analytics-prod", "--nope"])
    first, detail, fix = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, first) == (2, "", "jitney: The command line is not valid")
    assert "--nope" in detail
    assert fix.startswith("Fix: See `jitney --help`")
    assert "Usage: " in CliRunner().invoke(app, ["grants"]).output


def test_json_for_the_command_behind_the_dashes_is_not_ours():
    result = CliRunner().invoke(app, ["run", "--nope", "--", "aws", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")


def test_help_says_what_it_is_and_the_exit_codes():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert "AWS access for the moment an agent needs it." in shown
    assert "Exit codes: 0 done" in shown
