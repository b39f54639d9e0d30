"""Two emulators for the gaps' contract tests: one with the gaps closed, one as ministack comes."""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local import ports, processes
from local.emulator import launch
from local.settings import REGION, Settings
from tests.running import Clients, root_keys, session_keys, shared


class Emulator:
    """One emulator, seen from an account of its own, so that tests cannot meet."""

    def __init__(self, endpoint: str, clients: Clients) -> None:
        self.endpoint = endpoint
        self.clients = clients
        self.account = str(10**11 + uuid.uuid4().int % 10**11)

    def root(self, service: str) -> Any:
        """A client with root credentials."""
        return self.clients(service, root_keys(self.account))

    def session(self, service: str, credentials: dict[str, Any]) -> Any:
        """A client with the credentials of an AssumeRole answer."""
        return self.clients(service, session_keys(credentials))


def _start(*, gaps_closed: bool) -> Callable[[Settings], dict[str, Any]]:
    def start(settings: Settings) -> dict[str, Any]:
        settings = replace(settings, cache=settings.state / "cache")
        port = ports.choose({}, settings.state / "ports.json", ["emulator"])["emulator"]
        endpoint = f"http://127.0.0.1:{port}"
        processes.start(launch.process(settings, port, gaps_closed=gaps_closed), settings)
        assert processes.wait_until(lambda: launch.answers(endpoint), 20), processes.log_tail("emulator", settings)
        return {"endpoint": endpoint}

    return start


@pytest.fixture(params=["closed", "bare"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """The emulator with its gaps closed; and the bare one, on which the same test must fail."""
    yield from _emulator(gaps_closed=request.param == "closed")


@pytest.fixture
def closed_emulator() -> Iterator[Emulator]:
    """The emulator with its gaps closed, for what is no gap."""
    yield from _emulator(gaps_closed=True)


def _emulator(*, gaps_closed: bool) -> Iterator[Emulator]:
    name = "emulator-closed" if gaps_closed else "emulator-bare"
    endpoint = shared(name, _start(gaps_closed=gaps_closed))["endpoint"]
    clients = Clients(endpoint, REGION)
    yield Emulator(endpoint, clients)
    clients.close()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """A contract test on the bare emulator succeeds when it fails as it should."""
    if not hasattr(pyfuncitem, "callspec") or pyfuncitem.callspec.params.get("emulator") != "bare":
        return (yield)
    try:
        yield
    except (AssertionError, pytest.fail.Exception, ClientError):
        return True
    pytest.fail("ministack does not have this gap any more: delete the code that closes it")


def zipped(**files: str) -> bytes:
    """A zip with the files `name` + ".py"."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """An HTTP client that leaves proxies alone."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client
