"""The server of `jitney mcp` with the SDK's own client, and a broker on a real socket."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult

from jitney.client.api.broker import Broker
from jitney.client.mcp.server import Toolbox, build_server
from jitney.client.tokens import Token
from tests.client.conftest import TOKEN
from tests.client.fake_broker import GRANT_ID, FakeBroker, grant

REVISIONS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
"""The revisions of the protocol, and the client's mode that speaks each."""
CALL_ID = "c-abcdefghijklm2"
GET_OBJECT = {"grant": GRANT_ID, "service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": "k"}}
ACCESS = {"target": "analytics-prod", "commands": ["aws s3 cp s3://reports/2026/q3.csv ."], "reason": "monthly report"}


class FixedToken:
    """The source of one token."""

    def fetch(self) -> Token:
        return Token(TOKEN)


def answer(body: str | bytes = "a,b\n", status: int = 200, call_id: str = CALL_ID, **members: Any) -> dict[str, Any]:
    """Return the broker's JSON for AWS's answer to a call."""
    return {
        "call_id": call_id,
        "grant_id": GRANT_ID,
        "status": status,
        "headers": {"content-type": "text/csv", "x-amz-request-id": "R"},
        "body": body,
        "body_encoding": "text",
        "masked": [],
        "request_id": "R",
        "budget": {},
    } | members


@dataclass
class Agent:
    """An MCP client whose server talks to a fake broker. `seen` is everything that the client received."""

    broker: FakeBroker
    mode: str
    seen: list[str] = field(default_factory=list)

    def use(self, scenario: Callable[[Client], Awaitable[Any]], *, way: str = "gateway", **options: Any) -> Any:
        """Return what `scenario` returns. It gets a connected client, and the server ends after it."""

        async def main() -> Any:
            server = build_server(Toolbox(Broker(self.broker.url, FixedToken(), sleep=lambda _: None), way))
            async with Client(server, mode=self.mode, **options) as client:
                return await scenario(client)

        return anyio.run(main)

    async def tool(self, client: Client, name: str, given: dict[str, Any] | None = None, **options: Any) -> Any:
        """Return the result of a tool."""
        result = await client.call_tool(name, given or {}, **options)
        self.seen.append(result.model_dump_json())
        return result

    def call(self, name: str, given: dict[str, Any] | None = None, **options: Any) -> CallToolResult:
        """Return the result of one tool of a new server."""

        async def scenario(client: Client) -> CallToolResult:
            return await self.tool(client, name, given)

        return self.use(scenario, **options)


@pytest.fixture(params=REVISIONS.values(), ids=REVISIONS.keys())
def agent(broker: FakeBroker, home: Path, request: pytest.FixtureRequest) -> Iterator[Agent]:
    broker.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant("released", way="gateway")})
    agent = Agent(broker, request.param)
    yield agent
    assert TOKEN not in json.dumps(agent.seen)


def text_of(result: CallToolResult) -> str:
    """Return the text of a result, which a client shows that knows no structured results."""
    (block,) = result.content
    return block.text
