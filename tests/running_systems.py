"""Systems that run beside the tests, and their clients. The first worker that needs a system starts it for all."""

import fcntl
import json
import os
import subprocess
import sys
import time
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import ports
from local.settings import PORT_VARIABLES, ROOT, LocalSettings, from_environment

RUN_VARIABLE = "JITNEY_TEST_RUN"
ARRIVAL = "x-jitney-arrives-at"  # local.emulator.clock, which is loaded in the emulator alone
PATIENCE = 300.0
"""Seconds after which a test stops waiting.

It is far more than any wait takes on a busy machine, so that a slow machine fails no test. A passing test does not wait
that long.
"""
CONFIG = Config(
    retries={"total_max_attempts": 1}, parameter_validation=False, connect_timeout=PATIENCE, read_timeout=PATIENCE
)


def until(found: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.2) -> Any:
    """Wait until `found` returns a true value, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
    return value


def epoch(text: str) -> int:
    """Return a time of the API in epoch seconds."""
    return timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Hold a lock. No other test of the run, in any worker, is in such a block at the same time."""
    with _locked(Path(os.environ[RUN_VARIABLE]) / f"{what}.alone"):
        yield


def settings_in(run: Path, name: str) -> LocalSettings:
    """Return the settings of a local system called `name` that ends with this run."""
    return replace(from_environment({}), state=run / name, lifeline=str(run / "lifeline"))


def shared(name: str, start: Callable[[LocalSettings], dict[str, Any]]) -> dict[str, Any]:
    """Return what `start` returned in the first worker that called it. If it failed there, it fails here."""
    run = Path(os.environ[RUN_VARIABLE])
    answer = run / f"{name}.json"
    with _locked(run / f"{name}.json.lock"):
        if not answer.exists():
            outcome: dict[str, Any] = {"failed": f"{name} could not be started: see the first test that needed it"}
            try:
                outcome = {"started": start(settings_in(run, name))}
            finally:
                answer.write_text(json.dumps(outcome), encoding="utf-8")
    outcome = json.loads(answer.read_text(encoding="utf-8"))
    if "failed" in outcome:
        pytest.fail(outcome["failed"])
    return dict(outcome["started"])


def start_stack(settings: LocalSettings, config: Path | None = None) -> dict[str, Any]:
    """Run `python -m local up` with the sample configuration or another. Return its stack.json."""
    chosen = ports.choose({}, _remembered_ports(settings, f"test-ports{'-' + config.stem if config else ''}.json"))
    variables = {variable: str(chosen[name]) for name, variable in PORT_VARIABLES.items()}
    code, said = run_local(settings, config, "up", **variables)
    if code:
        pytest.fail(f"the local system does not come up:\n{said}")
    return dict(json.loads(settings.stack_file.read_text(encoding="utf-8")))


def run_local(settings: LocalSettings, config: Path | None, *command: str, **variables: str) -> tuple[int, str]:
    """Run `python -m local COMMAND`. Return its exit status and its output."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JITNEY_")},
        **variables,
        "JITNEY_LOCAL_DIR": str(settings.state),
        "JITNEY_REVIEWS_PER_HOUR": "1000",  # one agent begins the reviews of many tests
        "JITNEY_MEASURED_RELEASES_PER_MINUTE": "1000",  # and releases their grants
        "JITNEY_LOCAL_LIFELINE": settings.lifeline,
        **({"JITNEY_CONFIG": str(config)} if config else {}),
    }
    program = [sys.executable, "-m", "local", *command]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _remembered_ports(settings: LocalSettings, name: str) -> Path:
    """Return the file with the last run's ports: with the same issuer URL, the assembly is reused.

    If two runs use a checkout at once, the second gets another file, because the first run's ports may not be in use
    yet.
    """
    settings.cache.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.cache / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return settings.state / name
    return settings.cache / name


class Clients:
    """boto3 clients that neither retry nor check parameters before sending. They are closed together."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._session = boto3.session.Session(region_name=region)
        self._endpoint = endpoint
        self._made: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, keys: dict[str, str]) -> Any:
        """Return a client of `service` with these credentials."""
        known = (service, keys["aws_access_key_id"])
        if known not in self._made:
            self._made[known] = self._session.client(service, endpoint_url=self._endpoint, config=CONFIG, **keys)
        return self._made[known]

    def close(self) -> None:
        """Close the connections of all clients made."""
        for made in self._made.values():
            made.close()


@contextmanager
def arriving(client: Any, moment: float) -> Iterator[None]:
    """Let the calls of `client` arrive at `moment` (epoch seconds). The emulator evaluates them as of then."""

    def later(request: Any, **_: Any) -> None:
        request.headers[ARRIVAL] = str(int(moment))

    client.meta.events.register("before-send", later)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", later)


def root_keys(account: str) -> dict[str, str]:
    """Return the root credentials of an account in the emulator."""
    return {"aws_access_key_id": account, "aws_secret_access_key": "local"}


def session_keys(credentials: dict[str, str]) -> dict[str, str]:
    """Return credentials from STS or the API in boto3's form."""
    plain = {name.replace("_", "").lower(): value for name, value in credentials.items()}
    return {
        "aws_access_key_id": plain["accesskeyid"],
        "aws_secret_access_key": plain["secretaccesskey"],
        "aws_session_token": plain["sessiontoken"],
    }
