"""HTTP connections on which a whole answer has one deadline, and which are not reused after a pause (rows GW 6, GW 12).

A socket's own timeout is for each read. A server that sends one byte a second would never reach it.
"""

import io
import socket
from http.client import HTTPResponse, IncompleteRead
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from jitney.adapters import clock

MOST_IDLE_MILLISECONDS = 5_000
"""After a longer pause, a request gets a new connection.

A function that waits for its next event is frozen. Meanwhile, AWS closes idle connections, and the function cannot see
that. A request on such a connection would fail with the error of a call that may have run.
https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html
"""


def timed_pool() -> PoolManager:
    """Return a pool. An answer has to end within the read timeout of its request."""
    pool = PoolManager(cert_reqs="CERT_REQUIRED")
    pool.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedTlsPool}
    return pool


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline. Raises TimeoutError after it."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase) -> None:
        self._sock = sock
        self._stream = stream
        seconds = sock.gettimeout()
        if seconds is None:
            raise ValueError("a request needs a timeout")
        self._deadline = clock.monotonic_milliseconds() + seconds * 1000

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - clock.monotonic_milliseconds()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._sock.settimeout(left / 1000)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _LineReader(io.BufferedReader):
    """Remembers whether the last attempt to read a line found the end of the data."""

    at_end = False

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        self.at_end = not line
        return line


class _TimedResponse(HTTPResponse):
    """An answer whose head and body have one deadline. The time starts when the caller waits for the answer."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._lines = _LineReader(_TimedReader(sock, self.fp.detach()))
        self.fp = self._lines

    def begin(self) -> None:
        """Read the head. Raises IncompleteRead if it ends early. Python's own client accepts such a head as whole."""
        super().begin()
        if self._lines.at_end:
            raise IncompleteRead(b"")


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse
    _answered_at = 0

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._answered_at = clock.now_milliseconds()
        return response

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use the connection again."""
        idle = clock.now_milliseconds() - self._answered_at
        return super().is_connected and 0 <= idle <= MOST_IDLE_MILLISECONDS


class _TimedTlsConnection(_TimedConnection, HTTPSConnection):
    pass


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection
