"""The issuers' public keys over HTTPS, kept per issuer for as long as that is safe.

Only `jwks_uri` of the configuration is ever asked, over HTTPS with the system's certificate authorities (HTTP is for
one's own machine), and no redirect is followed. A set stays fresh for ten minutes. When it cannot be fetched, for
whatever reason, the last good one is used on for twelve hours since it was fetched: a night's outage of an identity
provider stops nobody, and a key that the issuer has withdrawn is not trusted for longer than that. Then, and when there
was no good set yet, the issuer is closed (keys_unavailable).
"""

import http.client
import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from core.config import Issuer
from core.identity.keys import KeySet, parse_key_set
from core.identity.refusal import Refusal

FRESH_SECONDS = 600
KEPT_SECONDS = 12 * 3600
COOL_DOWN_SECONDS = 30  # between fetches because of an unknown kid, which anybody can make up
RETRY_SECONDS = 5  # after a fetch that failed
MOST_BYTES = 262_144

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an issuer, in seconds.

    `silence` is for connecting to one address, for the TLS handshake, and between two pieces of the answer; `total` is
    for the whole answer once connected, so that a slow drip ends too.
    """

    silence: float
    total: float


DEFAULT_PATIENCE = Patience(silence=2.0, total=4.0)


@dataclass(slots=True)
class _Known:
    """What is known of one issuer's keys; `lock` is held while they are fetched. Times are the clock's."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: KeySet | None = None
    fetched_at: float = -math.inf
    tried_at: float = -math.inf


class HttpKeys:
    """Issuers' keys from their `jwks_uri` (a `core.identity.verify.KeySource`), for any number of threads.

    `local` permits http:// addresses: the configuration's own flag. `clock` gives seconds; wall-clock time, since
    monotonic time stands still while a Lambda environment is frozen.
    """

    def __init__(
        self, *, local: bool, clock: Callable[[], float] = time.time, patience: Patience = DEFAULT_PATIENCE
    ) -> None:
        self._schemes = ("https", "http") if local else ("https",)
        self._clock = clock
        self._patience = patience
        self._known: dict[str, _Known] = {}

    def keys(self, issuer: Issuer) -> KeySet:
        """The issuer's keys, fetched when they are not fresh. Raises Refusal keys_unavailable."""
        known = self._known.setdefault(issuer.issuer, _Known())
        if not self._within(known.fetched_at, FRESH_SECONDS):
            # Whoever has keys to go on with does not wait for somebody else's fetch.
            self._fetch(issuer, known, RETRY_SECONDS, wait=known.keys is None)
        return self._trusted(issuer, known)

    def refreshed(self, issuer: Issuer) -> KeySet:
        """The issuer's keys, fetched now unless that was tried within the cool-down. Raises as `keys`."""
        known = self._known.setdefault(issuer.issuer, _Known())
        self._fetch(issuer, known, COOL_DOWN_SECONDS, wait=True)
        return self._trusted(issuer, known)

    def _within(self, moment: float, seconds: float) -> bool:
        """Whether `moment` is at most `seconds` ago; false for the future, where a clock set back puts it."""
        return 0 <= self._clock() - moment < seconds

    def _fetch(self, issuer: Issuer, known: _Known, pause: float, *, wait: bool) -> None:
        if not known.lock.acquire(blocking=wait):
            return
        try:
            if self._within(known.tried_at, pause):
                return
            known.tried_at = self._clock()
            known.keys = parse_key_set(_download(issuer.jwks_uri, self._schemes, self._patience))
            known.fetched_at = known.tried_at
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            _log.warning("The keys of issuer %s cannot be fetched: %s", issuer.name, type(error).__name__)
        finally:
            known.lock.release()

    def _trusted(self, issuer: Issuer, known: _Known) -> KeySet:
        keys = known.keys
        if keys is None or not self._within(known.fetched_at, KEPT_SECONDS):
            raise Refusal(
                "keys_unavailable",
                "The keys of the token's issuer cannot be fetched, so its tokens cannot be checked.",
                "Try again in a few seconds; if it stays so, the issuer or the way to it is down.",
                headers={"Retry-After": str(RETRY_SECONDS)},
                issuer_name=issuer.name,
            )
        return keys


def _download(uri: str, schemes: tuple[str, ...], patience: Patience) -> bytes:
    """The body of a 200 answer to GET `uri`. Raises HTTPError, HTTPException, OSError or ValueError."""
    address = urlsplit(uri)
    if address.scheme not in schemes or not address.hostname:
        raise ValueError("not an address that may be asked")
    connection = _connection(address.scheme, address.hostname, address.port, patience.silence)
    try:
        connection.connect()
        with _time_limit(connection.sock, patience.total):
            connection.request(
                "GET",
                f"{address.path or '/'}{'?' if address.query else ''}{address.query}",
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                preload_content=False,
                decode_content=False,
            )
            return _body(connection)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, timeout: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout)
    return HTTPSConnection(host, port, timeout=timeout, ssl_context=ssl.create_default_context())


def _body(connection: HTTPConnection) -> bytes:
    body = bytearray()
    with connection.getresponse() as response:
        if response.status != http.HTTPStatus.OK:
            raise ValueError("the status is not 200")
        while piece := response.read1(65_536):
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError("the answer is too large")
    return bytes(body)


@contextmanager
def _time_limit(connected: socket.socket | None, seconds: float) -> Iterator[None]:
    """End whatever waits on the connected socket after `seconds`, and raise TimeoutError if it came to that."""
    watchdog = threading.Timer(seconds, _cut, [connected])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
        if watchdog.finished.is_set():
            raise TimeoutError("the answer took too long")
    finally:
        watchdog.cancel()


def _cut(connected: socket.socket) -> None:
    """Shut the socket down below TLS: an SSLSocket's own shutdown would let it go on reading, in plain text."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
