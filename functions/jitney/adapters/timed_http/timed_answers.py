"""HTTP answers with one deadline for the head and the body, for http.client and urllib3 (rows GW 6, GW 12).

A socket's own timeout is for each read. A server that sends one byte a second would never reach it.
"""

import io
import socket
from http.client import HTTPResponse, IncompleteRead
from typing import Any, ClassVar

from jitney.adapters import clock


class TimedAnswer(HTTPResponse):
    """An answer whose head and body have one deadline. The time starts when the caller waits for the answer.

    The deadline is after `whole_seconds`, or after the socket's timeout if that is None. No read takes longer than the
    socket's timeout.
    """

    whole_seconds: ClassVar[float | None] = None

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._lines = _LineReader(_TimedReader(sock, self.fp.detach(), self.whole_seconds))
        self.fp = self._lines

    def begin(self) -> None:
        """Read the head. Raises IncompleteRead if it ends early. Python's own client accepts such a head as whole."""
        super().begin()
        if self._lines.at_end:
            raise IncompleteRead(b"")


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline. Raises TimeoutError after it."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase, whole_seconds: float | None) -> None:
        self._sock = sock
        self._stream = stream
        seconds = sock.gettimeout()
        if seconds is None:
            raise ValueError("a request needs a timeout")
        self._read_seconds = seconds
        self._deadline = clock.monotonic_milliseconds() + (whole_seconds or seconds) * 1000

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - clock.monotonic_milliseconds()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        self._sock.settimeout(min(left / 1000, self._read_seconds))
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
