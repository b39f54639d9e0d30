"""An AWS that answers from memory over HTTP, in a process of its own: `python -m benchmarks.gateway_upstream`.

It prints its port. A path of S3 and a key of DynamoDB end with the size of their answer.
"""

import json
import sys
import uuid
import zlib
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZES = {"1kB": 1_000, "100kB": 100_000, "1MB": 1_000_000}
_ROW = "2026-11-28,north,customer {:07d},1200,shipped by sea from Rotterdam\n"


@cache
def report(size: str) -> bytes:
    """Return a CSV file without secrets."""
    rows = (_ROW.format(number) for number in range(SIZES[size] // len(_ROW.format(0))))
    return "".join(rows).encode()


@cache
def items(size: str) -> bytes:
    """Return an answer of DynamoDB with this size: one item for GetItem, many for Query."""
    one = {
        "id": {"S": "o-1001"},
        "customer": {"S": "c-7"},
        "state": {"S": "shipped"},
        "lines": {"L": [{"M": {"sku": {"S": f"A-{n:05d}"}, "count": {"N": "12"}}} for n in range(16)]},
    }
    if size == "1kB":
        return json.dumps({"Item": one}).encode()
    count = SIZES[size] // len(json.dumps(one))
    return json.dumps({"Items": [one] * count, "Count": count, "ScannedCount": count}).encode()


class Aws(BaseHTTPRequestHandler):
    """Answers S3's GET and DynamoDB's POST. It checks nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer GetObject."""
        self._answer(
            report(self.path.rpartition("/")[2]), "text/csv", {"x-amz-request-id": uuid.uuid4().hex, "ETag": '"a"'}
        )

    def do_POST(self) -> None:
        """Answer GetItem and Query."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        values = asked.get("Key") or asked["ExpressionAttributeValues"]
        body = items(next(iter(values.values()))["S"].removeprefix("o-1"))
        headers = {"x-amzn-RequestId": uuid.uuid4().hex, "x-amz-crc32": str(zlib.crc32(body))}
        self._answer(body, "application/x-amz-json-1.0", headers)

    def _answer(self, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until the process is ended."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Aws) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
