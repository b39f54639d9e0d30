"""The resource with the caller's scope is fetched at each read, and subscribers learn of changes."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.session import IncomingMessage
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types import ResourceUpdatedNotification

from jitney.client.mcp import scope
from tests.client.fake_broker import problem
from tests.client.mcp.conftest import Agent
from tests.client.mcp.test_mcp_tools import TARGETS

CHANGED = TARGETS | {"targets": []}


async def subscribe(client: Client) -> None:
    """Subscribe as clients before 2026-07-28 do."""
    with pytest.warns(MCPDeprecationWarning):
        await client.session.subscribe_resource(scope.SCOPE_URI)


def first_update(agent: Agent, act: Callable[[Client], Awaitable[None]]) -> str:
    """Return the address in the first update that a subscriber gets after `act`."""
    updates: list[str] = []

    async def scenario(client: Client) -> None:
        with anyio.fail_after(30):
            if agent.mode == "legacy":
                await subscribe(client)
                await act(client)
                await updated.wait()
            else:
                async with client.listen(resource_subscriptions=[scope.SCOPE_URI]) as events:
                    await act(client)
                    updates.append((await anext(aiter(events))).uri)

    async def note(message: IncomingMessage) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            updates.append(str(message.params.uri))
            updated.set()

    updated = anyio.Event()
    agent.use(scenario, message_handler=note)
    return updates[0]


def test_cli_05_a_subscriber_learns_of_a_change_when_targets_are_listed(agent: Agent):
    for body in (TARGETS, TARGETS, CHANGED):
        agent.broker.say("GET", "/v1/targets", 200, body)

    async def act(client: Client) -> None:
        for _ in range(3):
            await agent.tool(client, "list_targets")

    assert first_update(agent, act) == scope.SCOPE_URI


def test_cli_05_a_subscriber_learns_of_a_change_without_a_call(agent: Agent, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scope, "REFRESH_SECONDS", 0.05)
    agent.broker.say("GET", "/v1/targets", 200, TARGETS)
    agent.broker.say("GET", "/v1/targets", 403, problem("suspended"))
    agent.broker.say("GET", "/v1/targets", 200, CHANGED)

    async def act(_client: Client) -> None:
        """Make no call."""

    assert first_update(agent, act) == scope.SCOPE_URI


def test_cli_05_without_subscribers_nothing_is_fetched(agent: Agent, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scope, "REFRESH_SECONDS", 0.01)

    async def scenario(client: Client) -> None:
        if agent.mode == "legacy":
            await subscribe(client)
            with pytest.warns(MCPDeprecationWarning):
                await client.session.unsubscribe_resource(scope.SCOPE_URI)
        agent.broker.asked.clear()
        await anyio.sleep(0.3)

    agent.broker.say("GET", "/v1/targets", 200, TARGETS)
    agent.use(scenario)
    under_way = 1 if agent.mode == "legacy" else 0
    assert len(agent.broker.asked) <= under_way


def test_dx_another_resource_does_not_exist(agent: Agent):
    async def scenario(client: Client) -> Any:
        with pytest.raises(MCPError, match="There is one resource: jitney://scope"):
            await client.read_resource("jitney://other")
        for each in ("subscribe_resource", "unsubscribe_resource") if agent.mode == "legacy" else ():
            with pytest.warns(MCPDeprecationWarning), pytest.raises(MCPError, match="There is one resource"):
                await getattr(client.session, each)("jitney://other")

    agent.use(scenario)


def test_dx_a_scope_that_cannot_be_fetched_says_why(agent: Agent):
    agent.broker.say("GET", "/v1/targets", 403, problem("suspended", "An operator suspended the caller"))

    async def scenario(client: Client) -> Any:
        with pytest.raises(MCPError, match="An operator suspended the caller") as raised:
            await client.read_resource(scope.SCOPE_URI)
        assert raised.value.data["code"] == "suspended"

    agent.use(scenario)


def test_cli_05_a_subscription_that_ends_is_no_longer_counted():
    listeners = scope.Listeners()
    first, second = listeners.subscribe(lambda _: None), listeners.subscribe(lambda _: None)
    first()
    first()
    assert listeners.count == 1
    second()
    assert listeners.count == 0
