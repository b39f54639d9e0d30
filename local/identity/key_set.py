"""Serves an issuer's key set on this machine. Jitney requests nothing else from an issuer."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def serving(key_set: bytes, port: int = 0) -> Iterator[str]:
    """Answer every GET with the key set during the block. Yield the issuer's address. Port 0 means any free port."""

    class _Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(key_set)))
            self.end_headers()
            self.wfile.write(key_set)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Log errors only."""

    with ThreadingHTTPServer(("127.0.0.1", port), _Keys) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
