"""Requests to an identity provider over HTTPS: only to its own address, without redirects, with a time limit."""

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
"""All exceptions that `send_request` raises."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for an issuer, in seconds.

    `idle_seconds` limits the connection to one address, the TLS handshake, and each wait for data. `total` limits the
    whole answer after connecting, so that an answer that arrives byte by byte ends too.
    """

    idle_seconds: float
    total: float


DEFAULT_TIMEOUTS = Timeouts(idle_seconds=2.0, total=4.0)


def allowed_schemes(*, local: bool) -> tuple[str, ...]:
    """Return the allowed schemes. Plain HTTP is allowed on the local machine only."""
    return ("https", "http") if local else ("https",)


def send_request(
    verb: str,
    uri: str,
    allowed: tuple[str, ...],
    timeouts: Timeouts,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Return the status and body of the answer to one request. Checks the certificate. Raises `REQUEST_ERRORS`."""
    address = urlsplit(uri)
    if address.scheme not in allowed or not address.hostname:
        raise ValueError("this address is not allowed")
    connection = _connection(address.scheme, address.hostname, address.port, timeouts.idle_seconds)
    try:
        connection.connect()
        with _time_limit(connection.sock, timeouts.total):
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
    """Shut down the connected socket after `seconds`. Raises TimeoutError if that happened."""
    is_over = threading.Event()
    watchdog = threading.Timer(seconds, _cut, [connected, is_over])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
        if is_over.is_set():
            raise TimeoutError("the answer took too long")
    finally:
        watchdog.cancel()


def _cut(connected: socket.socket, is_over: threading.Event) -> None:
    """Shut down the socket below TLS. Shutting down the SSLSocket itself would let it continue with plain text.

    The event is set first. Otherwise the reader could take the end of the data for the end of the answer.
    """
    is_over.set()
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
