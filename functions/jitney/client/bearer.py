"""The bearer token on each request: fetched when needed, kept in memory, replaced once when it is refused."""

import time
from collections.abc import Callable, Generator

import httpx

from jitney.client.tokens import TokenSource

# A token that ends within this many seconds is not used any more: it must outlive the request.
_MARGIN_SECONDS = 30


class BearerAuth(httpx.Auth):
    """httpx authentication with the tokens of one source. `clock` gives seconds that never run backwards."""

    def __init__(self, source: TokenSource, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._value = ""
        self._good_until: float | None = None

    def token(self) -> str:
        """The token in memory, or a new one. Raises what the source raises."""
        if not self._value or (self._good_until is not None and self._clock() >= self._good_until):
            self._fetch()
        return self._value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send with the token; when one from memory is refused (expired, replayed, keys rotated), with a new one."""
        kept, token = self._value, self.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and token == kept:
            self._fetch()
            request.headers["Authorization"] = f"Bearer {self._value}"
            yield request

    def _fetch(self) -> None:
        token = self._source.fetch()
        lifetime = token.lifetime_seconds
        self._value = token.value
        self._good_until = None if lifetime is None else self._clock() + lifetime - _MARGIN_SECONDS
