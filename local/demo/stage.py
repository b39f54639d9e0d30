"""What the demo plays on: the running system, a folder for its files, and commands that are shown before they run."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from local.settings import ROOT, from_environment

AWS = ROOT / ".local" / "aws-cli" / "bin" / "aws"
console = Console(highlight=False, soft_wrap=True)


class NotAsToldError(Exception):
    """A step that did not go as the demo tells it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs."""
        return "\n".join(text.strip() for text in (self.out, self.err) if text.strip())

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Stage:
    """One showing of the demo: `stack` is stack.json, `folder` is where its files go."""

    stack: Mapping[str, Any]
    folder: Path

    def environment(self, agent: str) -> dict[str, str]:
        """What the agent's shell would have: where the broker is, its own client credentials, and no AWS key."""
        known = self.stack["agents"][agent]
        return {
            "PATH": f"{Path(sys.executable).parent}:{AWS.parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / agent),
            "JITNEY_API_URL": self.stack["api_url"],
            "JITNEY_TOKEN_URL": self.stack["token_url"],
            "JITNEY_TOKEN_RESOURCE": self.stack["token_resource"],
            "JITNEY_CLIENT_ID": known["client_id"],
            "JITNEY_CLIENT_SECRET": known["client_secret"],
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"),
            "AWS_ENDPOINT_URL": self.stack["aws_endpoint"],
            "AWS_DEFAULT_REGION": self.stack["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_COLOR": "1",
            "COLUMNS": "110",
        }

    def run(
        self, agent: str, *command: str, expect: int = 0, show: bool = True, more: Mapping[str, str] | None = None
    ) -> Ran:
        """Run `command` as `agent`, showing it and what it says. Raises NotAsTold for another exit code."""
        console.print(f"  [bold]{agent}$[/] {escape(shlex.join(command))}")
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(agent) | dict(more or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        if show:
            console.print(_indented(ran.said), style="dim", markup=False)
        if ran.code != expect:
            raise NotAsToldError(f"exit code {ran.code}, not {expect}: {ran.said}")
        return ran


def step(number: int, title: str, why: str = "") -> None:
    """Announce a step."""
    console.print()
    console.print(f"[bold cyan]{number}. {title}[/]")
    if why:
        console.print(f"   {why}", style="italic")


def expect(what: str, *, holds: bool) -> None:
    """Say what was seen to hold. Raises NotAsTold when it does not."""
    if not holds:
        raise NotAsToldError(what)
    console.print(f"  [green]✓[/] {what}")


def title(text: str) -> None:
    """The demo's own headline."""
    console.print(Panel(text, expand=False))


@contextmanager
def on_stage() -> Iterator[Stage]:
    """The system for the length of the demo; one that was up already stays up."""
    settings = from_environment()
    was_up = (
        subprocess.run(_local("status"), env=os.environ, cwd=ROOT, capture_output=True, check=False).returncode == 0
    )
    subprocess.run(_local("up"), cwd=ROOT, check=True)
    try:
        with TemporaryDirectory() as folder:
            yield Stage(json.loads(settings.stack_file.read_text(encoding="utf-8")), Path(folder))
    finally:
        if not was_up:
            subprocess.run(_local("down"), cwd=ROOT, check=True)


def _local(verb: str) -> list[str]:
    return [sys.executable, "-m", "local", verb]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
