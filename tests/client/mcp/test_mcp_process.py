"""`jitney mcp` as a process: on standard input and output, at an HTTP port, and at its end."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.cli import invoke
from tests.client.conftest import TOKEN
from tests.client.fake_broker import GRANT_ID, FakeBroker, grant
from tests.client.mcp.conftest import ACCESS, GET_OBJECT, REVISIONS, answer

COMMAND = [sys.executable, "-c", "from jitney.client.main import main; main()", "mcp"]
RELEASE = ("DELETE", f"/v1/grants/{GRANT_ID}")
REVISION = pytest.mark.parametrize("mode", REVISIONS.values(), ids=REVISIONS.keys())


@pytest.fixture
def granting(connected: FakeBroker) -> FakeBroker:
    """The broker of the environment, which grants, answers calls and releases."""
    connected.say("POST", "/v1/grants", 201, {"grant": grant(way="gateway")})
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant(way="gateway")})
    connected.say("POST", "/v1/calls", 200, answer())
    connected.say(*RELEASE, 200, {"grant": grant("released", way="gateway")})
    return connected


@REVISION
def test_cli_06_an_agent_works_over_stdio_and_the_end_releases_its_grants(granting: FakeBroker, mode: str):
    async def main() -> list[Any]:
        server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=dict(os.environ))
        async with Client(server, mode=mode) as client:
            return [await client.call_tool("request", ACCESS), await client.call_tool("call", GET_OBJECT)]

    requested, called = anyio.run(main)
    assert requested.structured_content["grant"]["state"] == "active"
    assert "a,b" in called.structured_content["data"]
    assert TOKEN not in requested.model_dump_json() + called.model_dump_json()
    assert len(granting.calls(*RELEASE)) == 1


def test_cli_06_a_signal_releases_the_grants_while_the_client_is_still_there(granting: FakeBroker):
    with serving_stdio() as server:
        assert not granting.calls(*RELEASE)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert len(granting.calls(*RELEASE)) == 1


def test_end_01_with_nohup_the_end_of_the_terminal_leaves_the_server_running(granting: FakeBroker):
    nohup = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    with serving_stdio(sys.executable, "-c", nohup) as server:
        server.send_signal(signal.SIGHUP)
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {}}) + "\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 3
    assert not granting.calls(*RELEASE)


def test_cli_06_a_client_that_ends_before_its_answer_gets_no_traceback_into_its_log(granting: FakeBroker):
    with serving_stdio() as server:
        server.stdout.close()
        server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {}}) + "\n")
        server.stdin.close()
        assert (server.wait(30), server.stderr.read()) == (0, "")
    assert len(granting.calls(*RELEASE)) == 1


@contextmanager
def serving_stdio(*starter: str) -> Iterator[subprocess.Popen[str]]:
    """Run the server by the starter, and request a grant of it on standard input and output."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "request", "arguments": ACCESS}},
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen([*starter, *COMMAND], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as server:
        try:
            for line in lines:
                server.stdin.write(json.dumps(line) + "\n")
            server.stdin.flush()
            answers = [json.loads(server.stdout.readline()) for _ in range(2)]
            assert answers[1]["result"]["structuredContent"]["grant"]["id"] == GRANT_ID
            yield server
        finally:
            server.kill()


@contextmanager
def serving_http(**environment: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the server at a free port. Yield its process, its address, and the Authorization that it printed, or ""."""
    given = {**os.environ, **environment}
    with subprocess.Popen([*COMMAND, "--http", "0"], stdout=subprocess.PIPE, text=True, env=given) as server:
        watchdog = threading.Timer(120, server.kill)
        watchdog.start()
        try:
            address = server.stdout.readline().strip()
            printed = "" if environment else server.stdout.readline().strip().removeprefix("Authorization: ")
            yield server, address, printed
        finally:
            server.terminate()
            server.wait(30)
            watchdog.cancel()


async def use_http(address: str, authorization: str, mode: str) -> Any:
    """Return the result of a request by the SDK's client, which also lists the tools."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": authorization}, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        await client.list_tools()
        return await client.call_tool("request", ACCESS)


def test_gw_13_only_the_token_opens_the_port_and_its_end_releases_grants(granting: FakeBroker):
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    with serving_http() as (server, address, authorization), httpx.Client(trust_env=False) as other:
        url = httpx.URL(address)
        assert url.host == "127.0.0.1"
        token = authorization.removeprefix("Bearer ")
        assert len(token) >= 32
        refused: list[dict[str, str]] = [
            {},
            {"Authorization": ""},
            {"Authorization": f"Bearer {token}x"},
            {"Authorization": f"Bearer {token[:-1]}"},
            {"Authorization": f"Basic {token}"},
            {"Authorization": token},
            {"Authorization": f"Bearer {TOKEN}"},
        ]
        for headers in refused:
            answered = other.post(address, json=hello, headers=headers)
            assert (answered.status_code, answered.json()["code"]) == (401, "token_invalid"), headers
            assert "WWW-Authenticate" in answered.headers
        for method, path in (("GET", "/mcp"), ("DELETE", "/mcp"), ("GET", "/"), ("OPTIONS", "/mcp")):
            assert other.request(method, url.copy_with(path=path)).status_code == 401
        twice = [("Authorization", authorization), ("Authorization", "Bearer other")]
        assert other.post(address, json=hello, headers=twice).status_code == 401
        right = {"Authorization": authorization, "Accept": "application/json, text/event-stream"}
        rebound = {"Host": f"evil.example:{url.port}"}
        assert other.post(address, json=hello, headers=right | rebound).status_code == 421
        assert other.post(address, json=hello, headers=right | {"Host": "127.0.0.1"}).status_code == 421
        for origin in ("https://evil.example", f"http://evil.example:{url.port}", "null", "http://127.0.0.1:1"):
            assert other.post(address, json=hello, headers=right | {"Origin": origin}).status_code == 403, origin
        assert not granting.asked
        for mode in REVISIONS.values():
            requested = anyio.run(use_http, address, authorization, mode)
            assert requested.structured_content["grant"]["state"] == "active"
            assert token not in requested.model_dump_json()
        server.terminate()
        assert server.wait(30) == 0
    assert len(granting.calls(*RELEASE)) == 1


def test_gw_13_a_token_of_the_environment_is_used_and_not_printed(granting: FakeBroker):
    token = "t" * 40
    with serving_http(JITNEY_MCP_TOKEN=token) as (server, address, _):
        requested = anyio.run(use_http, address, f"Bearer {token}", "2026-07-28")
        assert not requested.is_error
        server.terminate()
        assert token not in server.stdout.read()


@pytest.mark.parametrize(
    ("words", "environment", "problem"),
    [
        (["--http", "0"], {"JITNEY_MCP_TOKEN": "short"}, "JITNEY_MCP_TOKEN has fewer than 32 characters"),
        (["--way", "keys"], {}, "--way keys is not a way"),
        (["--http", "{used}"], {}, "of 127.0.0.1 cannot be used"),
    ],
)
def test_dx_a_wrong_option_is_explained(
    connected: FakeBroker, words: list[str], environment: dict[str, str], problem: str
):
    used = connected.url.rpartition(":")[2]
    result = invoke(["mcp", *(each.format(used=used) for each in words)], env=environment)
    assert result.exit_code == 2
    assert problem in result.stderr.replace("\n", " ")
