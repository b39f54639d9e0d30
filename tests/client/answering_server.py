"""An HTTP server on a port of 127.0.0.1 that a test stops and starts again."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.quiet_server import QuietServer


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Said:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


class AnsweringServer:
    """Answers each request with what `answer` returns for it, in a thread of its own. It runs once it is made.

    `clock` gives the epoch seconds of its Date headers. With None, it sends none.
    """

    def __init__(self, answer: Callable[[Asked], Said], clock: Callable[[], float] | None = time.time) -> None:
        self._handler = _handler(answer, clock)
        self._reserved: socket.socket | None = None
        self._run(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Refuse connections. No other program gets the port: a socket holds it that does not listen."""
        self.close()
        self._reserved = socket.socket(socket.AF_INET)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", self._server.server_port))

    def start(self) -> None:
        """Answer again, at the same port."""
        assert self._reserved
        self._reserved.close()
        self._run(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _run(self, port: int) -> None:
        self._server = QuietServer(("127.0.0.1", port), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()


def _handler(answer: Callable[[Asked], Said], clock: Callable[[], float] | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = answer(Asked(self.command, self.path, dict(self.headers), body))
            if said.hang_up:
                self.close_connection = True
                return
            self.send_response_only(said.status)
            if clock:
                self.send_header("Date", self.date_time_string(clock()))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Log nothing. The test keeps the requests."""

    return Handler
