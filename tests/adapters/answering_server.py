"""A server for tests of connections: it reads one request on each connection, and then does what a test wants."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class AnsweringServer:
    """A server that reads one request for each connection and then does what a test wants."""

    def __init__(self, behave: Behaviour) -> None:
        self.requests: list[bytes] = []
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                read = b""
                while b"\r\n\r\n" not in read:
                    read += connection.recv(65536)
                head, _, body = read.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                while length and len(body) < int(length[1]):  # a connection closed with unread bytes would be reset
                    body += connection.recv(65536)
                self.requests.append(head + b"\r\n\r\n" + body)
                self._behave(connection)

    def close(self) -> None:
        self._listening.close()


@contextlib.contextmanager
def forgetting_server(answer: bytes) -> Iterator[AnsweringServer]:
    """Yield a server that forgets each connection after one answer. The client cannot see that a second one is reset.

    AWS does so with a connection that was idle while a function was frozen.
    """

    def forget(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(answer)
            connection.recv(65536)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)

    server = AnsweringServer(forget)
    try:
        yield server
    finally:
        server.close()
