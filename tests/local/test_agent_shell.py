"""The files that make a person's shell the shell of a sample agent."""

import os
import shlex
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

from local import agent_shell
from local.settings import from_environment

STACK = {
    "api_url": "http://127.0.0.1:1/live",
    "token_url": "http://127.0.0.1:2/token",
    "token_resource": "urn:jitney",
    "aws_endpoint": "http://127.0.0.1:1",
    "region": "eu-west-1",
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
    assert got.items() >= agent_shell.variables(stack, "reader-agent").items()
    assert got["PATH"].split(os.pathsep) == [*map(str, agent_shell.programs()), "/usr/bin", "/bin"]
    assert not (tmp_path / "planted").exists()


def test_a_shell_of_another_keeps_nothing_of_it(tmp_path: Path):
    names = {name: str(tmp_path / f"{name}.env") for name in ("reader-agent", "auditor")}
    of_auditor = {
        "buckets": {"records": "r", "seals": "s"},
        "seal_key": "k",
        "trail_queue": "q",
        "account": "111122223333",
    }
    of_auditor["athena"] = {"workgroup": "w", "database": "d"}
    stack = {**STACK, **of_auditor, "env": names}
    agent_shell.write(stack)
    left = {"AWS_SESSION_TOKEN": "old", "AWS_PROFILE": "own", "JITNEY_TOKEN_FILE": "/old"}
    for first, last in (("auditor", "reader-agent"), ("reader-agent", "auditor")):
        shown = subprocess.run(
            ["/bin/sh", "-euc", f". {shlex.quote(names[first])}; . {shlex.quote(names[last])}; env -0"],
            env={"PATH": "/usr/bin:/bin", **left},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        got = dict(line.split("=", 1) for line in shown.split("\0") if line)
        assert {name for name in got if name.startswith(("AWS_", "JITNEY_"))} == set(agent_shell.variables(stack, last))


def test_the_files_are_removed_and_no_other_one(tmp_path: Path):
    settings = replace(from_environment({}), state=tmp_path)
    for path in (*agent_shell.files(settings).values(), tmp_path / "own.env"):
        path.write_text("", encoding="ascii")
    agent_shell.remove(settings)
    assert list(tmp_path.iterdir()) == [tmp_path / "own.env"]
