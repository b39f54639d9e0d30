"""Asking an identity provider over HTTPS: its own address alone, no redirect, and no waiting without end."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

MAX_RESPONSE_BYTES = 262_144
REQUEST_ERRORS = (HTTPError, http.client.HTTPException, OSError, ValueError)
"""What `ask` raises."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for an issuer, in seconds.

    `silence` is for connecting to one address, for the TLS handshake, and between two pieces of the answer; `total` is
    for the whole answer once connected, so that a slow drip ends too.
    """

    idle_seconds: float
    total: float


DEFAULT_TIMEOUTS = Timeouts(idle_seconds=2.0, total=4.0)


def allowed_schemes(*, local: bool) -> tuple[str, ...]:
    """The schemes of addresses that may be asked: plain HTTP on one's own machine only."""
    return ("https", "http") if local else ("https",)


def send_request(
    verb: str,
    uri: str,
    allowed: tuple[str, ...],
    patience: Timeouts,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """The status and the body of the answer to one request, the certificate being checked. Raises `FAILURES`."""
    address = urlsplit(uri)
    if address.scheme not in allowed or not address.hostname:
        raise ValueError("not an address that may be asked")
    connection = _connection(address.scheme, address.hostname, address.port, patience.idle_seconds)
    try:
        connection.connect()
        with _time_limit(connection.sock, patience.total):
            connection.request(
                verb,
                f"{address.path or '/'}{'?' if address.query else ''}{address.query}",
                body=body,
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
                preload_content=False,
                decode_content=False,
            )
            return _answer(connection)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, timeout: float) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout)
    return HTTPSConnection(host, port, timeout=timeout, ssl_context=ssl.create_default_context())


def _answer(connection: HTTPConnection) -> tuple[int, bytes]:
    body = bytearray()
    with connection.getresponse() as response:
        while piece := response.read1(65_536):
            body += piece
            if len(body) > MAX_RESPONSE_BYTES:
                raise ValueError("the answer is too large")
        return response.status, bytes(body)


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
