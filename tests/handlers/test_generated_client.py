"""A client that another maker's generator writes from docs/openapi.yaml. The generated code is not kept."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.core.identity import minting
from tests.handlers.api_app import ApiApp, handlers, with_ports
from tests.handlers.conftest import System

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".local" / "client-generator" / "bin"
CALLS = Path(__file__).with_name("generated_client_calls.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TOOLS.exists(), reason="needs it: make .local/client-generator/.ready"),
    pytest.mark.xdist_group("openapi"),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Write nothing."""


@pytest.fixture
def address(system: System) -> Iterator[str]:
    with with_ports(system.ports), make_server("127.0.0.1", 0, ApiApp(handlers()), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_dx_01_a_generated_client_requests_a_grant_and_renews_it(address: str, system: System, tmp_path: Path):
    made = tmp_path / "generated"
    command = [TOOLS / "openapi-python-client", "generate", "--path", ROOT / "docs" / "openapi.yaml"]
    run = subprocess.run(
        [*command, "--output-path", made, "--meta", "none"], capture_output=True, text=True, check=True, timeout=120
    )
    assert "Unable to" not in run.stdout + run.stderr
    python = TOOLS / "python"
    answered = subprocess.run(
        [python, CALLS, made, address, minting.token()], capture_output=True, text=True, check=False, timeout=60
    )
    assert answered.returncode == 0, answered.stderr
    (grant,) = system.store.grants
    requested, renewed, key_id, state, code = json.loads(answered.stdout)
    assert (requested, renewed, state, code) == (grant, grant, "active", "grant_not_found")
    assert key_id.startswith("ASIA")
    assert [event for event, _, _ in system.outcomes()][:2] == ["request", "issue"]
