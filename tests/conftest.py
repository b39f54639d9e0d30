"""Fixtures of all tests: one local system for the whole run, shared by all workers of pytest-xdist.

The controlling process makes a folder for the run and holds the writing end of the lifeline. When the run ends or
crashes, the processes that it started end, too.
"""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from local import processes
from tests.examples import USUAL
from tests.reviewer_browser import Person
from tests.running_systems import (
    PATIENCE,
    RUN_VARIABLE,
    Clients,
    root_keys,
    session_keys,
    settings_in,
    shared,
    start_stack,
)
from tests.scheduling import Scheduling
from tests.service_models import share_service_models

hypothesis.settings.load_profile(USUAL)

# The models of all AWS services are millions of objects that stay. By default, collections of all of them take a third
# of the CPU time.
gc.set_threshold(20_000, 20, 50)

share_service_models()

# Before the CDK is imported: a deprecated member raises, where a deployment only warns.
# https://docs.aws.amazon.com/cdk/v2/guide/versioning.html
os.environ["JSII_DEPRECATED"] = "fail"

COLLECTIONS = 5
"""How often young objects are collected at the end, because a collection may leave more of them."""
LIFELINE = pytest.StashKey[int]()
WANTING_ALL = ("maxfail", "durations", "xmlpath")
"""Options of pytest that need each report."""


def _survive(_number: int, _frame: object) -> None:
    """Handle a signal that this process ignored. The programs that it starts do not inherit a handler."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's folder once. The workers of xdist inherit its name.

    The tests' own folders are in it too, unless --basetemp names another place. In pytest's default place, each run
    ends with deleting folders that it takes for old ones.
    """
    if not hasattr(config, "workerinput"):
        for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            # A shell in the background and nohup ignore these. Programs that tests start and signal would inherit that.
            if signal.getsignal(ignored) is signal.SIG_IGN:
                signal.signal(ignored, signal.default_int_handler if ignored is signal.SIGINT else _survive)
        run = Path(tempfile.mkdtemp(prefix="jitney-test-"))
        os.mkfifo(run / "lifeline", 0o600)
        # Open for both ends: opening it for writing alone would wait for a reader.
        config.stash[LIFELINE] = os.open(run / "lifeline", os.O_RDWR)
        os.environ[RUN_VARIABLE] = str(run)
        config.option.basetemp = config.option.basetemp or str(run / "tmp")


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Name a test's token by its argument: a JWT holds the time, and xdist needs the same names in each worker."""
    text = val if isinstance(val, str) else val.decode(errors="replace") if isinstance(val, bytes) else ""
    return argname if "eyJ" in text else None


def pytest_sessionfinish() -> None:
    """Collect what the tests left, and freeze the rest.

    pytest then collects ten times, to find exceptions that were not raised. Frozen objects take no time there.
    """
    gc.collect()
    for _ in range(COLLECTIONS):
        gc.collect(1)
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End every process of the run."""
    if LIFELINE in config.stash:
        run = Path(os.environ.pop(RUN_VARIABLE))
        for state in run.glob("*/run"):
            processes.stop([lock.stem for lock in state.glob("*.lock")], settings_in(run, state.parent.name))
        os.close(config.stash[LIFELINE])
        shutil.rmtree(run, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let the workers take tests in the order of tests.scheduling."""
    return Scheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in a worker, and send the controlling process only what it shows.

    By default, xdist sends six messages for each test, and the controlling process shows one of them. All six took a
    quarter of the CPU time of short tests.
    """
    chosen = item.config.option
    everything = chosen.verbose > 0 or any(getattr(chosen, name) for name in WANTING_ALL)
    if everything or not hasattr(item.config, "workerinput"):
        return None  # pytest's own protocol
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run tests in several workers that belong together.

    Some versions of pytest and xdist do that silently.
    """
    if session.config.getoption("loadgroup", default=False):
        apart = [
            item.nodeid for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid
        ]
        if apart:
            raise pytest.UsageError(f"pytest-xdist does not keep groups together: {len(apart)} tests, {apart[0]} first")


@pytest.fixture
def functions_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment variables that all functions have."""
    from infra.spec import ALL_FUNCTIONS  # here, because few tests need it, and it takes half a second

    for name, value in ALL_FUNCTIONS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def stack() -> dict[str, Any]:
    """Return stack.json of the run's local system. The first test that needs the system starts it."""
    return shared("stack", start_stack)


@pytest.fixture(scope="session")
def token(stack: dict[str, Any]) -> Callable[[str], str]:
    """Return a function: `token("reader-agent")` is a new access token of that sample agent."""

    def fetch(agent: str) -> str:
        known = stack["agents"][agent]
        answer = httpx.post(
            stack["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(known["client_id"], known["client_secret"]),
            timeout=PATIENCE,
            trust_env=False,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    return fetch


@pytest.fixture(scope="session")
def clients(stack: dict[str, Any]) -> Iterator[Clients]:
    """Yield clients of the run's local system."""
    made = Clients(stack["aws_endpoint"], stack["region"])
    yield made
    made.close()


@pytest.fixture(scope="session")
def aws(stack: dict[str, Any], clients: Clients) -> Callable[..., Any]:
    """Return a function: `aws("s3", account="444455556666")` is a client with the account's root credentials.

    The default account is the broker's.
    """
    return lambda service, account=stack["account"]: clients(service, root_keys(account))


@pytest.fixture(scope="session")
def agent_session(clients: Clients) -> Callable[..., Callable[[str], Any]]:
    """Return a function: `agent_session(credentials)("s3")` is a client with credentials from the API."""
    return lambda credentials: lambda service: clients(service, session_keys(credentials))


@pytest.fixture
def person(stack: dict[str, Any]) -> Iterator[Callable[[str], Person]]:
    """Yield a function: `person("alice")` is that sample human at a new browser, not signed in."""
    made: list[Person] = []

    def at_a_browser(name: str) -> Person:
        made.append(Person(stack, name))
        return made[-1]

    yield at_a_browser
    for each in made:
        each.http.close()
