"""The environment of the demo: the local system, a folder for files, and commands that are shown before they run."""

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
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
REPEAT_SECONDS = 60.0
console = Console(highlight=False, soft_wrap=True)


class DemoStepFailedError(Exception):
    """A check of the demo failed. The message has the expected and the actual result."""

    def __init__(self, expected: str, got: object = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got
        self.step = ""
        self.logs: Path | None = None

    def __str__(self) -> str:
        lines = [f"{self.step or 'The demo'} failed.", f"Expected: {self.expected}", f"Got: {self.got}"]
        return "\n".join([*lines, *([f"Logs: {self.logs}"] if self.logs else [])])


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command's exit code and outputs."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both outputs, without white space around them."""
        return "\n".join(text.strip() for text in (self.out, self.err) if text.strip())

    def json(self) -> Any:
        """Return standard output, parsed as JSON. Raises DemoStepFailedError when it is not JSON."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise DemoStepFailedError("The command prints JSON", self.text) from error


@dataclass(slots=True)
class Progression:
    """The step that the demo has reached, and the result of the last command."""

    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    step: str = ""
    result: CommandResult | None = None


@dataclass(frozen=True, slots=True)
class DemoRun:
    """One run of the demo. `stack` is stack.json, and commands run in `folder`.

    `stays_up` is true if the system was up before the demo. The demo then leaves it up.
    """

    stack: Mapping[str, Any]
    folder: Path
    stays_up: bool
    progression: Progression = field(default_factory=Progression)

    def step(self, title: str, why: str = "") -> None:
        """Announce the next step."""
        number = next(self.progression.numbers)
        self.progression.step = f"Step {number}, “{title}”,"
        self.progression.result = None
        console.print()
        console.print(f"[bold cyan]{number}. {title}[/]")
        if why:
            console.print(f"   {why}", style="italic")

    def check(self, what: str, *, holds: bool, got: object = None) -> None:
        """Show a fact that was checked. Raises DemoStepFailedError if it does not hold.

        The error shows `got`, or otherwise the last command's output.
        """
        if not holds:
            result = self.progression.result
            raise DemoStepFailedError(what, got if got is not None else result.text if result else "no output")
        console.print(f"  [green]✓[/] {escape(what)}")

    def excerpt(self, document: Mapping[str, Any], *names: str) -> None:
        """Show some members of a command's JSON. Raises DemoStepFailedError if one is missing."""
        missing = [name for name in names if name not in document]
        if missing:
            raise DemoStepFailedError(f"The answer has the members {', '.join(names)}", json.dumps(document))
        console.print("    (excerpt)", style="dim")
        console.print_json(json.dumps({name: document[name] for name in names}))

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of an agent's or a person's shell.

        They contain nothing from this process's environment.
        """
        is_agent = name in (*self.stack["agents"], agent_shell.AUDITOR, agent_shell.ADMINISTRATOR)
        return {
            **(agent_shell.variables(self.stack, name) if is_agent else self._person(name)),
            "PATH": ":".join(map(str, (*agent_shell.programs(), "/usr/bin", "/bin"))),
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / name),
            "AWS_CONFIG_FILE": str(self.folder / "aws-config"),
            "NO_COLOR": "1",
            "COLUMNS": "110",
        }

    def _person(self, name: str) -> dict[str, str]:
        human = self.stack["humans"][name]
        return {"JITNEY_PERSON": human["username"], "JITNEY_PASSWORD": human["password"]}

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        """Wait for the mail to a person about a grant. Raises DemoStepFailedError if it does not arrive."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            _, body = probes.fetch(f"{self.stack['mailbox_url']}/messages")
            mails = json.loads(body or "{}").get("messages", [])
            found.extend(mail for mail in mails if about in mail["text"] and mail["to"] == [f"{name}@example.com"])
            return bool(found)

        if not processes.wait_until(arrived, MAIL_SECONDS):
            raise DemoStepFailedError(f"{name} gets a mail about {about}", f"no such mail within {MAIL_SECONDS:.0f} s")
        return found[0]

    def command(
        self,
        name: str,
        *command: str,
        code: int | Collection[int] = 0,
        show: bool = True,
        more: Mapping[str, str] | None = None,
        until: str = "",
    ) -> CommandResult:
        """Run `command` as an agent or a person. Show it and, if `show`, its output.

        With `until`, a pattern, repeat it until its output matches, for a minute at most. Raises DemoStepFailedError if
        the exit code is not `code`.
        """
        _show_command(name, command)
        result = self.progression.result = self._run(name, command, dict(more or {}), until)
        if show:
            say(result.text)
        codes = (code,) if isinstance(code, int) else tuple(code)
        if result.code not in codes:
            expected = f"`{shlex.join(command)}` exits with {' or '.join(map(str, codes))}"
            raise DemoStepFailedError(expected, f"exit code {result.code}: {result.text}")
        return result

    def _run(self, name: str, command: Sequence[str], more: Mapping[str, str], until: str) -> CommandResult:
        environment = self.environment(name) | dict(more)
        results = list[CommandResult]()

        def matches() -> bool:
            results.append(_result_of(command, self.folder, environment))
            return bool(re.search(until, results[-1].text))

        processes.wait_until(matches, REPEAT_SECONDS, pause=0.5)
        return results[-1]

    @contextmanager
    def background(self, name: str, *command: str) -> Iterator[Iterator[str]]:
        """Run `command` during the block, which receives its lines as they are written.

        The command ends with the block.
        """
        _show_command(name, command)
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield (line.rstrip("\n") for line in process.stdout or ())
            finally:
                process.terminate()


def _result_of(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> CommandResult:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return CommandResult(done.returncode, done.stdout, done.stderr)


def say(text: str) -> None:
    """Show a command's output, or part of it."""
    console.print("\n".join(f"    {line}" for line in text.splitlines()), style="dim", markup=False, emoji=False)


def title(text: str) -> None:
    """Show the demo's title."""
    console.print(Panel(text, expand=False))


def chapter(text: str) -> None:
    """Show a chapter's title."""
    console.print()
    console.rule(f"[bold]{text}[/]", align="left")


@contextmanager
def demo_run() -> Iterator[DemoRun]:
    """Start the system with the checkout's jitney.yaml for the block. A system that was up before stays up.

    Raises system.StartupError, or ValueError for a malformed setting. If the block raises DemoStepFailedError, the step
    and the folder of logs are added. A system that was started here is stopped at the end of the block, even after an
    error.
    """
    with TemporaryDirectory(prefix="jitney-demo-") as name:
        settings = demo_settings()
        was_up = system.status(settings) is not None
        try:
            run = DemoRun(system.up(settings, Progress()), Path(name), stays_up=was_up)
            with _steps_named(run, settings.logs):
                yield run
        finally:
            if not was_up:
                system.down(settings)


@contextmanager
def _steps_named(run: DemoRun, logs: Path) -> Iterator[None]:
    try:
        yield
    except DemoStepFailedError as failure:
        failure.step, failure.logs = run.progression.step, logs
        raise
    except (LookupError, TypeError, OSError) as problem:
        undocumented = DemoStepFailedError("The answer has its documented form", repr(problem))
        undocumented.step, undocumented.logs = run.progression.step, logs
        raise undocumented from problem


def demo_settings() -> LocalSettings:
    """Return the environment's settings with the checkout's jitney.yaml.

    If a system with another configuration is running, the demo starts its own, in the folder `demo` of its state.
    """
    settings = from_environment()
    running = system.status(settings)
    other = running["config"] if running else str(settings.config)
    if other == str(DEFAULT_CONFIG):
        return replace(settings, config=DEFAULT_CONFIG)
    console.print(f"The demo needs {DEFAULT_CONFIG.name}, so it starts a system of its own beside that of {other}.")
    return replace(settings, config=DEFAULT_CONFIG, state=settings.state / "demo", ports={})


def _show_command(name: str, command: Sequence[str]) -> None:
    console.print(f"  [bold]{name}$[/] {escape(shlex.join(command))}")
