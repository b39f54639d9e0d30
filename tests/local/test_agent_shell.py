"""The files that make a person's shell the shell of a sample agent."""

import os
import shlex
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import address_of, chosen_source, read_settings
from jitney.client.tokens.client_credentials import ClientCredentials
from jitney.client.tokens.login import LoginToken
from local import agent_shell
from local.settings import from_environment

STACK = {
    "api_url": "http://127.0.0.1:1/live",
    "token_url": "http://127.0.0.1:2/token",
    "token_resource": "urn:jitney",
    "aws_endpoint": "http://127.0.0.1:1",
    "region": "eu-west-1",
    "people": {"issuer": "http://127.0.0.1:3"},
    "cli_client": {"client_id": "jitney-cli"},
    "review_client": {"client_id": "jitney-review"},
    "agents": {"reader-agent": {"client_id": "reader-agent", "client_secret": "it's $(touch planted) \"`\\ *"}},
}


def test_a_shell_that_reads_the_file_has_the_agents_variables_and_the_programs_first(tmp_path: Path):
    path = tmp_path / "a folder" / "reader-agent.env"
    path.parent.mkdir()
    stack = {**STACK, "env": {"reader-agent": str(path)}}
    agent_shell.write(stack)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = subprocess.run(
        ["/bin/sh", "-euc", f". {shlex.quote(str(path))}; env -0"],
        env={"PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    got = dict(line.split("=", 1) for line in shown.split("\0") if line)
    assert got.items() >= agent_shell.shell_variables(stack, "reader-agent").items()
    assert got["PATH"].split(os.pathsep) == [*map(str, agent_shell.programs()), "/usr/bin", "/bin"]
    assert not (tmp_path / "planted").exists()


def test_dx_other_programs_can_be_given_the_agents_settings_as_a_file(tmp_path: Path):
    stack = {**STACK, "env": {"reader-agent": str(tmp_path / "reader-agent.env")}}
    agent_shell.write(stack)
    given = agent_shell.shell_variables(stack, "reader-agent")
    assert not any(
        "SECRET" in name or value == STACK["agents"]["reader-agent"]["client_secret"] for name, value in given.items()
    )
    words = ["--settings-file", given["JITNEY_SETTINGS_FILE"]]
    options = ConnectionOptions(settings_file=words[1])
    assert options.arguments() == words
    settings = read_settings(options, {})
    expected = ClientCredentials(
        STACK["token_url"], "reader-agent", STACK["agents"]["reader-agent"]["client_secret"], {"resource": "urn:jitney"}
    )
    assert (address_of(settings), chosen_source(settings, options).source) == (STACK["api_url"], expected)
    for end in ("env", "toml", "secret"):
        assert stat.S_IMODE((tmp_path / f"reader-agent.{end}").stat().st_mode) == 0o600


def test_cli_01_a_developer_gets_the_settings_of_the_sign_in_and_no_secret(tmp_path: Path):
    stack = {**STACK, "env": {"developer": str(tmp_path / "developer.env")}}
    agent_shell.write(stack)
    assert {each.name for each in tmp_path.iterdir()} == {"developer.env", "developer.toml"}
    options = ConnectionOptions(settings_file=agent_shell.shell_variables(stack, "developer")["JITNEY_SETTINGS_FILE"])
    settings = read_settings(options, {})
    source = chosen_source(settings, options).source
    assert isinstance(source, LoginToken)
    assert (source.settings.issuer, source.settings.client_id) == ("http://127.0.0.1:3", "jitney-cli")
    assert dict(source.settings.parameters) == {"resource": "urn:jitney"}


def test_only_shells_whose_tokens_are_accepted_have_files():
    settings, agents, people = from_environment({}), "http://127.0.0.1:2", "http://127.0.0.1:3"
    both = agent_shell.accepted(settings, {"local": agents, "developers": people}, agents, people)
    assert set(both) == set(agent_shell.files(settings)) > {"developer", "auditor"}
    assert set(agent_shell.accepted(settings, {"local": agents}, agents, people)) == set(both) - {"developer"}
    assert agent_shell.accepted(settings, {"developers": people}, agents, people) == {}


def test_a_shell_of_another_keeps_nothing_of_it(tmp_path: Path):
    names = {name: str(tmp_path / f"{name}.env") for name in ("reader-agent", "developer", "auditor")}
    of_auditor = {
        "buckets": {"records": "r", "seals": "s"},
        "tables": {"audit": "a"},
        "seal_key": "k",
        "trail_queue": "q",
        "account": "111122223333",
    }
    of_auditor["athena"] = {"workgroup": "w", "database": "d"}
    stack = {**STACK, **of_auditor, "env": names}
    agent_shell.write(stack)
    left = {"AWS_SESSION_TOKEN": "old", "AWS_PROFILE": "own", "JITNEY_TOKEN_FILE": "/old"}
    for first, last in (("auditor", "reader-agent"), ("reader-agent", "developer"), ("developer", "auditor")):
        shown = subprocess.run(
            ["/bin/sh", "-euc", f". {shlex.quote(names[first])}; . {shlex.quote(names[last])}; env -0"],
            env={"PATH": "/usr/bin:/bin", **left},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        got = dict(line.split("=", 1) for line in shown.split("\0") if line)
        assert {name for name in got if name.startswith(("AWS_", "JITNEY_"))} == set(
            agent_shell.shell_variables(stack, last)
        )


def test_the_files_are_removed_and_no_other_one(tmp_path: Path):
    settings = replace(from_environment({}), state=tmp_path)
    made = [
        path.with_suffix(end) for path in agent_shell.files(settings).values() for end in (".env", ".toml", ".secret")
    ]
    for path in (*made, tmp_path / "own.env"):
        path.write_text("", encoding="ascii")
    agent_shell.remove(settings)
    assert list(tmp_path.iterdir()) == [tmp_path / "own.env"]
