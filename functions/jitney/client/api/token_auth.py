"""The token of each request, and a proof for the request if the token is bound to a key.

The token is fetched when needed, kept in memory, and replaced when the server refuses it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from jitney.client.api.broker_clock import elapsed_seconds
from jitney.client.api.connection import HttpRequest, HttpResponse, send
from jitney.client.tokens import Token, TokenSource

# A token that ends within this many seconds is replaced: it must outlive the request.
_MARGIN_SECONDS = 30


class TokenAuth:
    """Sends requests with tokens from one source, from any thread.

    `clock` returns seconds. `now` returns the broker's epoch seconds, for proofs.
    """

    def __init__(
        self,
        source: TokenSource,
        clock: Callable[[], float] = elapsed_seconds,
        sending: Callable[[HttpRequest], HttpResponse] = send,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._clock = clock
        self._send = sending
        self._now = now
        self._lock = threading.RLock()
        self._kept: Token | None = None
        self._good_until: float | None = None

    def token(self) -> Token:
        """Return the token in memory, or a new one. Raises what the source raises."""
        with self._lock:
            if self._kept and (self._good_until is None or self._clock() < self._good_until):
                return self._kept
            return self._fetched()

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send with the token.

        If the server refuses a token from memory (expired, keys rotated) or a token for one call (replayed), send once
        more with a new one. A token with a key is also sent once more, because the clock may have been wrong in its
        proof, and the answer corrects the clock. A token for one call is forgotten before it is sent, because even an
        attempt without an answer may use it up.
        """
        with self._lock:
            kept, token = self._kept, self._taken()
        response = self._send(self._with_token(request, token))
        if response.status == 401 and (token.for_one_call or token.key or token == kept):
            with self._lock:
                if self._kept in (None, token):  # else another thread has replaced it
                    self._fetched()
                token = self._taken()
            again = self._send(self._with_token(request, token))
            return replace(again, repeated=again.repeated or response.repeated)
        return response

    def _taken(self) -> Token:
        """Return the token for a call. The token stays in memory unless it is for one call only."""
        token = self.token()
        if token.for_one_call:
            self._kept = None
        return token

    def _fetched(self) -> Token:
        token = self._kept = self._source.fetch()
        lifetime = token.lifetime_seconds
        self._good_until = None if lifetime is None else self._clock() + lifetime - _MARGIN_SECONDS
        return token

    def _with_token(self, request: HttpRequest, token: Token) -> HttpRequest:
        scheme, key = "DPoP" if token.key else "Bearer", token.key
        headers = {**request.headers, "Authorization": f"{scheme} {token.value}"}
        if key is None:
            return replace(request, headers=headers)
        return replace(
            request,
            headers=headers,
            proof=lambda: key.proof(request.method, request.url, self._now(), token=token.value),
        )
