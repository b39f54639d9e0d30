"""A server that forgets each connection after one answer, as AWS does with one that was idle while a function froze."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class ForgettingServer:
    """Answers one request on each connection. The client cannot see that a second one is reset."""

    def __init__(self, answer: bytes) -> None:
        self.requests = 0
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            read = b""
            while b"\r\n\r\n" not in read:
                read += connection.recv(65536)
            connection.sendall(self._answer)
            self.requests += 1
            while (more := connection.recv(65536)) and b"HTTP/1.1\r\n" not in more:
                pass  # the rest of the body
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)

    def close(self) -> None:
        self._listening.close()


@contextlib.contextmanager
def forgetting_server(answer: bytes) -> Iterator[ForgettingServer]:
    """Yield a running server."""
    server = ForgettingServer(answer)
    try:
        yield server
    finally:
        server.close()
