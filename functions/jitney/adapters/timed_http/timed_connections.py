"""HTTP connections with one deadline for a whole answer. They are not reused after a pause (rows GW 6, GW 12)."""

from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from jitney.adapters import clock
from jitney.adapters.timed_http.timed_answers import TimedAnswer

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


class _TimedConnection(HTTPConnection):
    response_class = TimedAnswer
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
