"""The programs of the matrix: the clients, and the ways in which `jitney` gives them access."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.agent_shell import AWS_CLI
from local.identity import NODE, install
from tests.client.conftest import TOKEN
from tests.client.gateway.tour_clients import AWS_CLI_2, DRIVERS
from tests.client.matrix.granting_broker import GrantingBroker
from tests.client.matrix.key_checking_aws import KeyCheckingAws
from tests.client.matrix.moving_clock import MovingClock
from tests.running_systems import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
AIOBOTO3 = ROOT / ".local" / "aioboto3" / "bin" / "python"
JITNEY = str(Path(sys.executable).with_name("jitney"))
PARAMETER = "/reports/quarter"
ASK = ["analytics-prod", "--action", "ssm:GetParameter", "--resource", "*", "--reason", "quarterly report"]
CLIENTS = ("AWS CLI 1", "AWS CLI 2", "boto3", "aioboto3", "JavaScript")
MISSING = [
    why
    for program, why in (
        (AWS_CLI, "make .local/aws-cli/bin/aws"),
        (AIOBOTO3, "make .local/aioboto3/.ready"),
        (AWS_CLI_2, "apt-get install awscli"),
    )
    if not program.exists() and not (program is AWS_CLI_2 and "JITNEY_AWS_CLI_2" in os.environ)
]


@dataclass
class World:
    """The broker, AWS, the time of both, and the environment of programs that have this time."""

    clock: MovingClock
    broker: GrantingBroker
    aws: KeyCheckingAws
    home: Path

    def environment(self, variables: Mapping[str, str] = {}) -> dict[str, str]:
        """Return the environment of a program: its own `variables`, and one attempt more after a failure."""
        return {**os.environ, "AWS_MAX_ATTEMPTS": "2", **self.clock.variables(), **variables}

    def jitney(self, *words: str) -> str:
        """Run the command, and return what it prints."""
        options: dict[str, Any] = {"env": self.environment(), "cwd": self.home, "timeout": PATIENCE}
        return subprocess.run([JITNEY, *words], stdout=subprocess.PIPE, text=True, check=True, **options).stdout


@contextmanager
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yield the broker and AWS, with the environment set so that `jitney` finds the broker and a token."""
    clock = MovingClock(home)
    broker = GrantingBroker(clock)
    aws = KeyCheckingAws(broker)
    (home / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("JITNEY_API_URL", broker.server.url)
    monkeypatch.setenv("JITNEY_TOKEN_FILE", str(home / "token"))
    try:
        yield World(clock, broker, aws, home)
    finally:
        broker.server.close()
        aws.server.close()


class Client:
    """A running client. It reads a parameter each time that it is asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, name: str) -> None:
        """Ask, and do not wait for the answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(name) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, str]:
        """Return the value, or the error as the client shows it."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the client ended with {self._process.wait()}"
        answer: dict[str, str] = json.loads(line)
        return answer

    def read(self, name: str = PARAMETER) -> dict[str, str]:
        self.begin(name)
        return self.answer()


def _command(name: str) -> list[str]:
    if name == "JavaScript":
        return [str(NODE), "long_running.mjs"]
    cli_2 = AWS_CLI_2.read_text("utf-8").splitlines()[0].removeprefix("#!") if AWS_CLI_2.exists() else ""
    python = {"AWS CLI 1": str(AWS_CLI.with_name("python")), "AWS CLI 2": cli_2, "boto3": sys.executable}
    argument = {"boto3": "boto3", "aioboto3": "aioboto3"}.get(name, "aws-cli")
    return [python.get(name, str(AIOBOTO3)), "long_running.py", argument]


@contextmanager
def clients(names: Iterable[str], environment: Mapping[str, str]) -> Iterator[dict[str, Client]]:
    """Yield the clients of these names, each in a process of its own."""
    install(DRIVERS)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        started = {}
        for name in names:
            process = subprocess.Popen(_command(name), cwd=DRIVERS, env=environment, **pipes)
            stack.enter_context(process)
            stack.callback(process.kill)
            started[name] = Client(process)
        yield started


@dataclass
class Served:
    """A running `jitney serve`, and the variables that it printed."""

    process: "subprocess.Popen[str]"
    variables: dict[str, str]

    def end(self, number: int) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(world: World, *words: str) -> Iterator[Served]:
    """Run `jitney serve` until the block ends."""
    command = [JITNEY, "serve", *([] if "--grant" in words else ASK), *words, "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=world.environment(), cwd=world.home, **pipes) as process:
        assert process.stdout
        document = ""
        while not document.endswith("\n}\n"):
            line = process.stdout.readline()
            assert line, f"jitney serve ended with {process.wait()}"
            document += line
        try:
            yield Served(process, json.loads(document)["environment"])
        finally:
            with suppress(ProcessLookupError):
                process.kill()


@contextmanager
def accessing(world: World, way: str) -> Iterator[dict[str, str]]:
    """Yield the variables of clients that use a way: `profile`, `endpoint` or `gateway`. At the end, none has access.

    `jitney` ends as it does for a person: the endpoint by a signal, and the profile's by `jitney serve --stop`.
    """
    aws = {"AWS_ENDPOINT_URL_SSM": world.aws.server.url}
    if way == "profile":
        settings = world.home / "aws-config"
        text = world.jitney("profile", "reports", *ASK, "--region", "eu-west-1")
        settings.write_text(text)
        yield {"AWS_PROFILE": "reports", "AWS_CONFIG_FILE": str(settings), **aws}
        world.jitney("serve", "--stop")
    else:
        with serving(world, "--for", "30m", *(["--gateway"] if way == "gateway" else [])) as served:
            yield served.variables | (aws if way == "endpoint" else {})
            assert served.end(signal.SIGTERM) == 0
    assert world.broker.in_state("active") == []
    assert world.broker.active_keys() == []
