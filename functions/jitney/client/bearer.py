"""The bearer token of each request.

It is fetched when needed, kept in memory, and replaced when the server refuses it.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from jitney.client.connection import HttpRequest, HttpResponse, send
from jitney.client.tokens import TokenSource

# A token that ends within this many seconds is replaced: it must outlive the request.
_MARGIN_SECONDS = 30


class BearerAuth:
    """Sends requests with tokens from one source. `clock` gives seconds that never go backwards."""

    def __init__(
        self,
        source: TokenSource,
        clock: Callable[[], float] = time.monotonic,
        sending: Callable[[HttpRequest], HttpResponse] = send,
    ) -> None:
        self._source = source
        self._clock = clock
        self._send = sending
        self._value = ""
        self._good_until: float | None = None

    def token(self) -> str:
        """Return the token in memory, or a new one. Raises what the source raises."""
        if not self._value or (self._good_until is not None and self._clock() >= self._good_until):
            self._fetch()
        return self._value

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send with the token.

        If a token from memory is refused (expired, replayed, keys rotated), send with a new one.
        """
        kept, token = self._value, self.token()
        response = self._send(_with_token(request, token))
        if response.status == 401 and token == kept:
            self._fetch()
            return self._send(_with_token(request, self._value))
        return response

    def _fetch(self) -> None:
        token = self._source.fetch()
        lifetime = token.lifetime_seconds
        self._value = token.value
        self._good_until = None if lifetime is None else self._clock() + lifetime - _MARGIN_SECONDS


def _with_token(request: HttpRequest, token: str) -> HttpRequest:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})
