"""What the demo plays on: the running system, a folder for its files, and commands that are shown before they run."""

import itertools
import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from local import agent_shell, probes, processes, system
from local.progress import Progress
from local.settings import DEFAULT_CONFIG, LocalSettings, from_environment

TARGET = "analytics-prod"
MAIL_SECONDS = 300.0
console = Console(highlight=False, soft_wrap=True)


class DemoStepFailedError(Exception):
    """A step that did not go as the demo tells it."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs."""
        return "\n".join(text.strip() for text in (self.out, self.err) if text.strip())

    def json(self) -> Any:
        """Standard output as JSON. Raises NotAsTold when it is none."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise DemoStepFailedError(f"no JSON, but: {self.said}") from error


@dataclass(frozen=True, slots=True)
class DemoRun:
    """One showing of the demo: `stack` is stack.json, `folder` is where its files go.

    `stays_up` tells whether the system was up before, and therefore stays so.
    """

    stack: Mapping[str, Any]
    folder: Path
    stays_up: bool
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def step(self, title: str, why: str = "") -> None:
        """Announce the next step."""
        console.print()
        console.print(f"[bold cyan]{next(self._numbers)}. {title}[/]")
        if why:
            console.print(f"   {why}", style="italic")

    def environment(self, who: str) -> dict[str, str]:
        """What the agent's shell would have, or the person's, and nothing of this process's."""
        of_agent = who in (*self.stack["agents"], agent_shell.AUDITOR, agent_shell.ADMINISTRATOR)
        return {
            **(agent_shell.variables(self.stack, who) if of_agent else self._person(who)),
            "PATH": ":".join(map(str, (*agent_shell.programs(), "/usr/bin", "/bin"))),
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / who),
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"),
            "NO_COLOR": "1",
            "COLUMNS": "110",
        }

    def _person(self, name: str) -> dict[str, str]:
        known = self.stack["humans"][name]
        return {"JITNEY_PERSON": known["username"], "JITNEY_PASSWORD": known["password"]}

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        """The mail to a person about a grant, once it is there. Raises NotAsTold when it does not come."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            _, body = probes.fetch(f"{self.stack['mailbox_url']}/messages")
            mails = json.loads(body or "{}").get("messages", [])
            found.extend(mail for mail in mails if about in mail["text"] and mail["to"] == [f"{name}@example.com"])
            return bool(found)

        if not processes.wait_until(arrived, MAIL_SECONDS):
            raise DemoStepFailedError(f"no mail to {name} about {about}")
        return found[0]

    def run(
        self, agent: str, *command: str, expect: int = 0, show: bool = True, more: Mapping[str, str] | None = None
    ) -> CommandResult:
        """Run `command` as `agent`, showing it and what it says. Raises NotAsTold for another exit code."""
        _show_command(agent, command)
        ran = self._ran(agent, command, dict(more or {}))
        if show:
            say(ran.said)
        if ran.code != expect:
            raise DemoStepFailedError(f"exit code {ran.code}, not {expect}: {ran.said}")
        return ran

    def _ran(self, agent: str, command: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(agent) | dict(more),
            capture_output=True,
            text=True,
            check=False,
        )
        return CommandResult(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def meanwhile(self, agent: str, *command: str) -> Iterator[Iterator[str]]:
        """Run `command` as `agent` beside the block, which gets its lines as they come; it ends with the block."""
        _show_command(agent, command)
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(agent),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            try:
                yield (line.rstrip("\n") for line in running.stdout or ())
            finally:
                running.terminate()


def say(text: str) -> None:
    """What a command said, or a part of it."""
    console.print("\n".join(f"    {line}" for line in text.splitlines()), style="dim", markup=False)


def excerpt(document: Mapping[str, Any], *names: str) -> None:
    """Some members of what a command said as JSON."""
    console.print("    (excerpt)", style="dim")
    console.print_json(json.dumps({name: document[name] for name in names}))


def expect(what: str, *, holds: bool) -> None:
    """Say what was seen to hold. Raises NotAsTold when it does not."""
    if not holds:
        raise DemoStepFailedError(what)
    console.print(f"  [green]✓[/] {escape(what)}")


def title(text: str) -> None:
    """The demo's own headline."""
    console.print(Panel(text, expand=False))


def chapter(text: str) -> None:
    """The headline of what follows."""
    console.print()
    console.rule(f"[bold]{text}[/]", align="left")


@contextmanager
def demo_run() -> Iterator[DemoRun]:
    """The system with the checkout's own jitney.yaml for the length of the demo; one that was up already stays up.

    Raises system.NotUpError, or ValueError for a setting that is none. Whatever ends the block ends what was started.
    """
    with TemporaryDirectory(prefix="jitney-demo-") as name:
        folder = Path(name)
        settings = settings_beside(folder / "system")
        was_up = system.status(settings) is not None
        try:
            yield DemoRun(system.up(settings, Progress()), folder, stays_up=was_up)
        finally:
            if not was_up:
                system.down(settings)


def settings_beside(aside: Path) -> LocalSettings:
    """Those of the environment; beside a system with another configuration, the demo has one of its own in `aside`."""
    asked = from_environment()
    known = system.status(asked)
    other = known["config"] if known else str(asked.config)
    if other == str(DEFAULT_CONFIG):
        return replace(asked, config=DEFAULT_CONFIG)
    console.print(
        f"The demo tells its story with {DEFAULT_CONFIG.name}, in a system of its own: {other} is not for it."
    )
    return replace(asked, config=DEFAULT_CONFIG, state=aside, ports={})


def _show_command(agent: str, command: Sequence[str]) -> None:
    console.print(f"  [bold]{agent}$[/] {escape(shlex.join(command))}")
