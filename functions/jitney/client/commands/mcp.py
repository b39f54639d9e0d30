"""`jitney mcp`: the tools for agents, by the Model Context Protocol."""

from typing import Annotated

import typer

from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import exit_on_problem

_WAYS = ("gateway", "credentials")

Port = Annotated[
    int | None,
    typer.Option(
        "--http",
        metavar="PORT",
        min=0,
        max=65_535,
        help="Serve HTTP at this port of 127.0.0.1 instead of standard input and output; 0 means a free port.",
    ),
]
Way = Annotated[
    str,
    typer.Option(
        "--way",
        metavar="WAY",
        help="The way of the requests: gateway, or credentials for commands that the agent runs with jitney run.",
    ),
]


@grouped
def mcp(*, http: Port = None, way: Way = "gateway", connection: options.Connection) -> None:
    """Serve tools for an AI agent (MCP).

    The tools request access, wait for reviews, call AWS through the gateway and release the access. An MCP client
    starts this command itself. The agent gets no keys and no tokens. When the client ends, the grants
    that were requested are released.

    Example: jitney mcp
    """
    with exit_on_problem("mcp"):
        if way not in _WAYS:
            raise invalid(f"--way {way} is not a way.", f"Give {' or '.join(_WAYS)}.")
        serving = load_extra("jitney.client.mcp.transports", "mcp", "The MCP server is not installed")
        with connection.broker() as broker:
            if http is None:
                serving.serve_stdio(broker, way)
            else:
                serving.serve_http(broker, way, http)
