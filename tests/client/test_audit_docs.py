"""The commands on the auditor's pages are valid: each parses with the options of the CLI."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jitney.client.cli import build_app

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("auditor", "queries", "report", "integrity", "trail", "redrive")
LINES = [
    line
    for page in PAGES
    for block in re.findall(r"```sh\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("jitney ")
]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_auditors_pages_parses(line: str):
    words = shlex.split(re.split(r" [|>] ", line)[0])[1:]
    command: Any = get_command(build_app())
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context(command.name, words)


def test_every_audit_command_is_on_a_page():
    commands: Any = get_command(build_app())
    named = {line.split()[2] for line in LINES}
    assert set(commands.commands["audit"].commands) == named
