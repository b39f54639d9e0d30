"""AWS at a local address, without the gateway: what a client gets that calls moto itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from botocore.awsrequest import AWSRequest
from moto.core.models import botocore_stubber

from tests.quiet_server import QuietServer

OWN = frozenset({"connection", "content-length", "date", "host", "server", "transfer-encoding"})


class DirectAws(BaseHTTPRequestHandler):
    """Sends each request to moto, at the host of the service in its signature."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hosts: Mapping[str, str]

    def _answer(self) -> None:
        _, scope, name = (self.headers["Authorization"].split("Credential=")[1].split("/")[each] for each in (0, 2, 3))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
        host = self.hosts[name].replace("{region}", scope)
        answer = botocore_stubber(
            "before-send", AWSRequest(self.command, f"https://{host}{self.path}", headers, body).prepare()
        )
        content = answer.content
        length = str(answer.headers.get("content-length", 0)) if self.command == "HEAD" else str(len(content))
        self.send_response(answer.status_code)
        for header, value in answer.headers.items():
            if header.lower() not in OWN:
                self.send_header(header, str(value))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def direct_aws(hosts: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of moto. `hosts` has AWS's host by the name of the service in signatures."""
    server = QuietServer(("127.0.0.1", 0), type("Directly", (DirectAws,), {"hosts": hosts}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
