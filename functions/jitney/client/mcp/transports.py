"""Serves the tools on standard input and output, or on a port of loopback. A signal ends the server."""

import os
import secrets
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import uvicorn
from mcp.server.stdio import stdio_server

from jitney.client.api.broker import Broker
from jitney.client.mcp.http_guard import BearerGuard, own_addresses
from jitney.client.mcp.server import RELEASE_SECONDS, Toolbox, build_server
from jitney.client.mcp.worker_threads import to_the_end
from jitney.client.problems import Invalid
from jitney.client.processes.child import heeded
from jitney.client.terminal.command_result import screen

TOKEN_VARIABLE = "JITNEY_MCP_TOKEN"  # noqa: S105 - the name of a variable
_LEAST_TOKEN = 32
_ENDING = (signal.SIGINT, signal.SIGTERM)


def serve_stdio(broker: Broker, way: str) -> None:
    """Serve one client on standard input and output, until it closes them or a signal arrives."""
    try:
        anyio.run(_serve_stdio, Toolbox(broker, way))
    except* BrokenPipeError:  # the client ended before it got an answer, and the grants are released
        os._exit(0)  # a normal exit would write to the closed output once more


def serve_http(broker: Broker, way: str, port: int) -> None:
    """Serve clients with the token at a port of 127.0.0.1, until a signal arrives. 0 means a free port.

    Prints the address, and the token unless it is in the environment. Raises Invalid when the port is in use, or the
    token is too short.
    """
    given = os.environ.get(TOKEN_VARIABLE, "")
    if given and len(given) < _LEAST_TOKEN:
        detail = f"{TOKEN_VARIABLE} has fewer than {_LEAST_TOKEN} characters."
        raise Invalid(
            "token_too_short", "The token is too short", detail, "Set a long random token, or unset the variable."
        )
    token = given or secrets.token_urlsafe(32)
    with _listening(port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        sys.stdout.write(f"{address}\n" + ("" if given else f"Authorization: Bearer {token}\n"))
        sys.stdout.flush()
        screen().note(f"jitney: serving MCP at {address}; press Ctrl+C to stop")
        anyio.run(_serve_http, Toolbox(broker, way), listener, token)


async def _serve_stdio(toolbox: Toolbox) -> None:
    server = build_server(toolbox)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_by_signal, toolbox)
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _end_by_signal(toolbox: Toolbox) -> None:
    with anyio.open_signal_receiver(*_ENDING, *heeded([signal.SIGHUP])) as signals:
        async for _ in signals:
            await to_the_end(toolbox.opened.release_all, RELEASE_SECONDS)
            os._exit(0)  # a thread waits for the next line of standard input, and nothing ends that wait


async def _serve_http(toolbox: Toolbox, listener: socket.socket, token: str) -> None:
    """Serve until a signal arrives. The end of the application releases the grants."""
    port = listener.getsockname()[1]
    app = build_server(toolbox).streamable_http_app(transport_security=own_addresses(port))
    configured = uvicorn.Config(
        BearerGuard(app, token),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    served = _HttpServer(configured)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_by_signal, served)
        await served.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


async def _stop_by_signal(served: uvicorn.Server) -> None:
    with anyio.open_signal_receiver(*_ENDING, *heeded([signal.SIGHUP])) as signals:
        async for _ in signals:
            served.should_exit = True


class _HttpServer(uvicorn.Server):
    """Leaves signals to `_stop_by_signal`, because uvicorn's own handling raises them again after the shutdown."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle no signal."""
        yield


@contextmanager
def _listening(port: int) -> Generator[socket.socket]:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        detail = f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}."
        raise Invalid("port_unavailable", "The port is not available", detail, "Give another port, or 0.") from error
    with listener:
        yield listener
