"""The resource with the caller's scope: what it could request. Subscribers are notified of changes."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    ReadResourceResult,
    Resource,
    SubscribeRequestParams,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from jitney.client.api.broker import Broker
from jitney.client.api.permitted_targets import ApiPermittedTargets
from jitney.client.mcp.untrusted_text import escape_unseen
from jitney.client.mcp.worker_threads import in_thread
from jitney.client.problems import ClientProblem

SCOPE_URI = "jitney://scope"
REFRESH_SECONDS = 120.0
"""How often the scope is fetched while a client is subscribed to it."""
_MOST_SUBSCRIBERS = 100
SCOPE = Resource(
    uri=SCOPE_URI,
    name="scope",
    title="What you may request",
    description="The AWS targets that you may request access to, and what policy permits there, as from list_targets.",
    mime_type="application/json",
)


class Listeners(InMemorySubscriptionBus):
    """Publishes changes to clients of revision 2026-07-28, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register a listener. Return a function that ends the subscription."""
        unsubscribe = super().subscribe(listener)
        self.count += 1
        left = [True]

        def end() -> None:
            unsubscribe()
            self.count -= len(left)
            left.clear()

        return end


class Scope:
    """Fetches the caller's scope. Each fetch notifies subscribers if the scope has changed."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._last: dict[str, Any] | None = None
        self._sessions: list[ServerSession] = []
        self.listeners = Listeners()

    async def fetch(self) -> ApiPermittedTargets:
        """Return the targets as of now. Raises what `Broker.targets` raises."""
        targets = await in_thread(self._broker.targets)
        document, last = targets.document(), self._last
        self._last = document
        if last is not None and last != document:
            await self._publish()
        return targets

    async def read(self, uri: str) -> ReadResourceResult:
        """Return the resource as of now. Raises MCPError with the problem when it cannot be fetched."""
        _require_scope(uri)
        try:
            document = (await self.fetch()).document()
        except ClientProblem as problem:
            raise MCPError(INTERNAL_ERROR, f"{problem.title}: {problem.detail}", problem.document()) from problem
        text = escape_unseen(json.dumps(document, ensure_ascii=False))
        return ReadResourceResult(
            contents=[TextResourceContents(uri=SCOPE_URI, mime_type="application/json", text=text)]
        )

    async def subscribe(self, context: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        """Notify a client of an older revision of changes, until it unsubscribes or disconnects."""
        _require_scope(str(params.uri))
        self._sessions = [*self._others(context.session), context.session][-_MOST_SUBSCRIBERS:]
        return EmptyResult()

    async def unsubscribe(
        self, context: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """Stop notifying a client."""
        _require_scope(str(params.uri))
        self._sessions = self._others(context.session)
        return EmptyResult()

    async def refresh_for_subscribers(self) -> None:
        """Fetch the scope every `REFRESH_SECONDS` while there are subscribers, until the task is cancelled."""
        while True:
            await anyio.sleep(REFRESH_SECONDS)
            if self.listeners.count or self._sessions:
                with contextlib.suppress(ClientProblem):  # a client gets the problem when it reads the scope
                    await self.fetch()

    async def _publish(self) -> None:
        await self.listeners.publish(ResourceUpdated(uri=SCOPE_URI))
        for session in list(self._sessions):
            try:
                await session.send_resource_updated(SCOPE_URI)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, MCPError):
                self._sessions = self._others(session)

    def _others(self, session: ServerSession) -> list[ServerSession]:
        """Return the sessions of other connections. The parameters of the handshake identify a connection."""
        return [each for each in self._sessions if each.client_params is not session.client_params]


def _require_scope(uri: str) -> None:
    if uri != SCOPE_URI:
        raise MCPError(INVALID_PARAMS, f"There is one resource: {SCOPE_URI}.")
