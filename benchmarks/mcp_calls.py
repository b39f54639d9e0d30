"""Part of benchmarks.client: calls through the tool `call` of `jitney mcp` over stdio, beside plain ones.

The broker is the tests' double, which answers at once, so the figures are the client's own. Calls of both ways
alternate. `start_ms` is the time from the start of the server to its list of tools.
"""

import importlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from mcp import Client, StdioServerParameters

from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import connect

ROUNDS = 100
STARTS = 3
JITNEY = str(Path(sys.executable).with_name("jitney"))
SIZES = {"1_kb": 1_000, "30_kb": 30_000, "1_mb": 1_000_000}
REVISIONS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


def mcp_calls() -> dict[str, Any]:
    """Return milliseconds of starts and calls: medians for each size of an answer and each revision of the protocol."""
    doubles = importlib.import_module("tests.client.fake_broker")
    fixtures = importlib.import_module("tests.client.mcp.conftest")
    figures: dict[str, Any] = {"start_ms": round(statistics.median(anyio.run(_start) for _ in range(STARTS)))}
    for size, characters in SIZES.items():
        broker = doubles.FakeBroker()
        broker.say("POST", "/v1/calls", 200, fixtures.answer("x" * characters, headers={}))
        for revision, mode in REVISIONS.items():
            figures[f"{size}, {revision}"] = anyio.run(_compare, broker.url, mode, fixtures.GET_OBJECT)
        broker.close()
    return figures


def _client(url: str, mode: str) -> Client:
    environment = {"JITNEY_API_URL": url, "JITNEY_TOKEN": "token", "HOME": tempfile.gettempdir()}
    return Client(StdioServerParameters(command=JITNEY, args=["mcp"], env=environment), mode=mode)


async def _start() -> float:
    began = time.perf_counter()
    async with _client("http://127.0.0.1:9", "legacy") as client:
        await client.list_tools()
        return (time.perf_counter() - began) * 1000


async def _compare(url: str, mode: str, call: dict[str, Any]) -> dict[str, float]:
    """Return the medians of a call through MCP and of the same call by the client's own class."""
    plain = connect(ConnectionOptions(), {"JITNEY_API_URL": url, "JITNEY_TOKEN": "token"})
    spent: dict[str, list[float]] = {"mcp_ms": [], "plain_ms": []}
    async with _client(url, mode) as client:
        await client.call_tool("call", call)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await client.call_tool("call", call)
            between = time.perf_counter()
            await anyio.to_thread.run_sync(plain.call, call, "key")
            spent["mcp_ms"].append((between - began) * 1000)
            spent["plain_ms"].append((time.perf_counter() - between) * 1000)
    medians = {name: round(statistics.median(each), 2) for name, each in spent.items()}
    return medians | {"added_ms": round(medians["mcp_ms"] - medians["plain_ms"], 2)}
