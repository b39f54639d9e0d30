"""The bearer token of each request.

It is fetched when needed, kept in memory, and replaced when the server refuses it.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from jitney.client.api.broker_clock import elapsed_seconds
from jitney.client.api.connection import HttpRequest, HttpResponse, send
from jitney.client.tokens import TokenSource

# A token that ends within this many seconds is replaced: it must outlive the request.
_MARGIN_SECONDS = 30


class BearerAuth:
    """Sends requests with tokens from one source, from any thread. `clock` returns seconds."""

    def __init__(
        self,
        source: TokenSource,
        clock: Callable[[], float] = elapsed_seconds,
        sending: Callable[[HttpRequest], HttpResponse] = send,
    ) -> None:
        self._source = source
        self._clock = clock
        self._send = sending
        self._lock = threading.RLock()
        self._value = ""
        self._good_until: float | None = None
        self._for_one_call = False

    def token(self) -> str:
        """Return the token in memory, or a new one. Raises what the source raises."""
        with self._lock:
            if not self._value or (self._good_until is not None and self._clock() >= self._good_until):
                self._fetch()
            return self._value

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send with the token.

        If the server refuses a token from memory (expired, keys rotated) or a token for one call (replayed), send once
        more with a new one. A token for one call is forgotten before it is sent, because even an attempt without an
        answer may use it up.
        """
        with self._lock:
            kept, token = self._value, self._taken()
        response = self._send(_with_token(request, token))
        if response.status == 401 and (self._for_one_call or token == kept):
            with self._lock:
                if self._value in ("", token):  # else another thread has replaced it
                    self._fetch()
                token = self._taken()
            again = self._send(_with_token(request, token))
            return replace(again, repeated=again.repeated or response.repeated)
        return response

    def _taken(self) -> str:
        """Return the token for a call. The token stays in memory unless it is for one call only."""
        token = self.token()
        if self._for_one_call:
            self._value = ""
        return token

    def _fetch(self) -> None:
        token = self._source.fetch()
        lifetime = token.lifetime_seconds
        self._value, self._for_one_call = token.value, token.for_one_call
        self._good_until = None if lifetime is None else self._clock() + lifetime - _MARGIN_SECONDS


def _with_token(request: HttpRequest, token: str) -> HttpRequest:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})
