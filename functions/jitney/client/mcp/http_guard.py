"""Protects the HTTP port against other processes of the machine, and against pages in a browser."""

import hmac
from typing import Any

from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_REFUSAL = {
    "code": "token_invalid",
    "title": "The bearer token is missing or wrong",
    "detail": "This port of jitney mcp needs the token that it printed, or that JITNEY_MCP_TOKEN holds.",
    "fix": "Set the header Authorization: Bearer TOKEN in the client's configuration.",
}


def own_addresses(port: int) -> TransportSecuritySettings:
    """Return the hosts and origins that requests may name. This prevents DNS rebinding by a page.

    https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
    """
    hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )


def has_token(header: str, token: str) -> bool:
    """Return whether an Authorization header has the token."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


class BearerGuard:
    """Passes on to `app` only requests with the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on the server's lifespan events."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and has_token(_authorization(scope), self._token)):
            await self._app(scope, receive, send)
            return
        headers = {"WWW-Authenticate": 'Bearer realm="jitney mcp"'}
        refusal = JSONResponse(_REFUSAL, 401, headers, media_type="application/problem+json")
        await refusal(scope, receive, send)


def _authorization(scope: Scope) -> str:
    """Return the only Authorization header; "" if there is none, or more than one."""
    named: list[Any] = [value for name, value in scope["headers"] if name == b"authorization"]
    return named[0].decode("latin-1") if len(named) == 1 else ""
