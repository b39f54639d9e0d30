"""A gateway call is sent once, to one host, and a failure says whether it may have run (rows GW 2 and GW 6)."""

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest

from jitney.adapters import clock, upstream
from jitney.adapters.aws_models import AwsEndpoint
from jitney.adapters.timed_http import timed_answers
from jitney.adapters.timed_http.timed_connections import MOST_IDLE_MILLISECONDS, timed_pool
from jitney.adapters.upstream import Upstream
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.problems import Problem
from tests.adapters.answering_server import AnsweringServer, Behaviour, forgetting_server

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "session", 2_000_000_000)


@pytest.fixture
def aws() -> Iterator[Callable[[Behaviour], AnsweringServer]]:
    started: list[AnsweringServer] = []

    def start(behave: Behaviour) -> AnsweringServer:
        started.append(AnsweringServer(behave))
        return started[-1]

    yield start
    for each in started:
        each.close()


def answering(text: bytes) -> Behaviour:
    return lambda connection: connection.sendall(text)


def send(url: str, version: str = "v4", seconds: Any = 20, method: str = "POST") -> AwsAnswer:
    request = AWSRequest(method, f"{url}/path", {"X-Amz-Target": "Kms.Sign"}, b"{}" if method == "POST" else b"")
    with timed_pool() as pool:
        return Upstream(pool).send(request, AwsEndpoint(url, "kms", "eu-west-1"), version, KEYS, seconds)


@pytest.mark.parametrize("status", [200, 301, 307, 400, 403, 500, 503])
def test_gw_06_every_answer_of_aws_is_returned_as_it_came_and_nothing_is_sent_again(aws, status: int):
    text = f"HTTP/1.1 {status} Any\r\nContent-Length: 4\r\nLocation: http://127.0.0.1:1/\r\nX-Amz-Id: 7\r\n\r\nbody"
    server = aws(answering(text.encode()))
    answer = send(server.url)
    assert (answer.status, answer.body, answer.headers["X-Amz-Id"]) == (status, b"body", "7")
    assert len(server.requests) == 1
    assert "body" not in repr(answer)


def test_gw_02_a_compressed_answer_stays_as_it_came(aws):
    server = aws(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08"))
    assert send(server.url).body == b"\x1f\x8b\x08"


@pytest.mark.parametrize("version", ["v4", "s3v4"])
def test_gw_01_the_request_is_signed_for_the_endpoint_with_the_sessions_token(aws, version: str):
    server = aws(answering(b"HTTP/1.1 204 No\r\n\r\n"))
    assert send(server.url, version=version).body == b""
    head = server.requests[0].decode()
    assert re.search(r"Credential=AKIAIOSFODNN7EXAMPLE/\d{8}/eu-west-1/kms/aws4_request", head)
    assert "X-Amz-Security-Token: session" in head
    assert "secret" not in head
    assert ("x-amz-content-sha256" in head.lower()) == (version == "s3v4")


def test_gw_02_no_proxy_of_the_environment_is_used(aws, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(aws(answering(b"HTTP/1.1 204 No\r\n\r\n")).url).status == 204


def test_gw_12_a_length_that_is_not_the_bodys_is_never_sent(aws):
    server = aws(answering(b"HTTP/1.1 204 No\r\n\r\n"))
    request = AWSRequest("PUT", f"{server.url}/path", {"Content-Length": "1"}, b"xGET /other HTTP/1.1\r\n\r\n")
    with timed_pool() as pool, pytest.raises(ValueError, match="length"):
        Upstream(pool).send(request, AwsEndpoint(server.url, "s3", "eu-west-1"), "s3v4", KEYS)
    assert server.requests == []


def test_gw_06_without_a_connection_the_call_did_not_run():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for unreached in (url, "http://no-such-host.invalid"):
        with pytest.raises(Problem) as caught:
            send(unreached)
        assert caught.value.code == "upstream_unreached"


BUCKET_HEAD = b"HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\nContent-Type: application/xml\r\n"
"""S3's answer to HeadBucket, without a length (https://github.com/boto/boto3/issues/4191)."""


@pytest.mark.parametrize("status", [b"200 OK", b"404 Not Found"])
def test_gw_12_an_answer_to_head_needs_no_length(aws, status: bytes):
    server = aws(answering(BUCKET_HEAD.replace(b"200 OK", status) + b"\r\n"))
    answer = send(server.url, method="HEAD")
    assert (answer.status, answer.body) == (int(status[:3]), b"")
    assert answer.headers["x-amz-bucket-region"] == "eu-west-1"


@pytest.mark.parametrize("left", [b"", b"x-amz-access-po", b"x-amz-access-point-alias: false\r\n"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_gw_06_headers_that_end_early_are_not_a_whole_answer(aws, method: str, left: bytes):
    server = aws(answering(BUCKET_HEAD + b"Content-Length: 0\r\n" + left))
    with pytest.raises(Problem) as caught:
        send(server.url, method=method)
    assert caught.value.code == "call_may_have_run"
    assert len(server.requests) == 1


CUT = {
    "no answer": b"",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "headers without an end": b"HTTP/1.1 204 No\r\nx: y\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nperhaps whole",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
}


@pytest.mark.parametrize("text", CUT.values(), ids=CUT)
def test_gw_06_without_a_whole_answer_the_call_may_have_run(aws, text: bytes):
    server = aws(answering(text))
    with pytest.raises(Problem) as caught:
        send(server.url)
    assert caught.value.code == "call_may_have_run"
    assert len(server.requests) == 1


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"], ids=["head", "body"])
def test_gw_06_a_connection_that_is_reset_may_have_run(aws, before: bytes):
    def reset(connection: socket.socket) -> None:
        connection.sendall(before)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    server = aws(reset)
    with pytest.raises(Problem) as caught:
        send(server.url)
    assert caught.value.code == "call_may_have_run"
    assert len(server.requests) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"
DRIPPING = {
    "nothing": (b"", b""),
    "the status line": (b"", b"HTTP/1.1 200 " + b"O" * 100_000),
    "a header": (HEAD, b"X-Long: " + b"x" * 100_000),
    "the body": (HEAD + b"\r\n", b"x" * 1_000_000),
    "a chunk's length": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 100_000),
    "the body of a closed connection": (HEAD + b"Connection: close\r\n\r\n", b"x" * 1_000_000),
}


@pytest.mark.parametrize("part", DRIPPING)
def test_gw_12_an_answer_that_drips_ends_at_the_deadline_and_may_have_run(aws, part: str):
    """The time between two bytes is far below the timeout, so that only a deadline of the whole answer ends it."""
    at_once, slowly = DRIPPING[part]
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(at_once)
        with contextlib.suppress(OSError):
            for byte in slowly:
                connection.sendall(bytes([byte]))
                if done.wait(0.02):
                    return
        done.wait(10)

    server = aws(drip)
    began = time.monotonic()
    with pytest.raises(Problem) as caught:
        send(server.url, seconds=0.4)
    took = time.monotonic() - began
    done.set()
    assert caught.value.code == "call_may_have_run"
    assert len(server.requests) == 1
    assert took < 60  # without a deadline, it takes half an hour


def test_gw_12_an_answer_of_any_length_takes_bounded_memory(aws, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upstream, "MAX_ANSWER_BYTES", 100_000)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            return

    with pytest.raises(Problem) as caught:
        send(aws(endless).url)
    assert caught.value.code == "answer_unmaskable"
    assert "ran" in caught.value.detail


def test_gw_12_no_byte_is_read_after_the_deadline_and_none_without_one(monkeypatch: pytest.MonkeyPatch):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises(ValueError, match="needs a timeout"):
            timed_answers._TimedReader(near, near.makefile("rb", buffering=0), None)
        near.settimeout(60)
        reader = timed_answers._TimedReader(near, near.makefile("rb", buffering=0), None)
        far.sendall(b"ab")
        assert reader.read(1) == b"a"
        late = clock.monotonic_milliseconds() + 60_000
        monkeypatch.setattr(clock, "monotonic_milliseconds", lambda: late)
        with pytest.raises(TimeoutError):
            reader.read(1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_gw_12_both_kinds_of_connection_have_the_deadline(scheme: str):
    with timed_pool() as pool:
        connections = pool.connection_from_url(f"{scheme}://127.0.0.1:1")
        assert connections.ConnectionCls.response_class.__module__ == "jitney.adapters.timed_http.timed_answers"
        assert connections.conn_kw.get("cert_reqs", "CERT_REQUIRED") == "CERT_REQUIRED"


def test_gw_06_a_connection_is_not_used_again_after_a_pause(monkeypatch: pytest.MonkeyPatch):
    """A function is frozen between its events, and cannot see that AWS closes the connection meanwhile."""
    now = [1_000_000]
    monkeypatch.setattr(clock, "now_milliseconds", lambda: now[0])
    with forgetting_server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as server, timed_pool() as pool:

        def put() -> int:
            request = AWSRequest("PUT", f"{server.url}/path", {}, b"")
            return Upstream(pool).send(request, AwsEndpoint(server.url, "s3", "eu-west-1"), "s3v4", KEYS).status

        assert put() == 200
        now[0] += MOST_IDLE_MILLISECONDS + 1
        assert put() == 200
        now[0] -= 1  # a clock that is set back says nothing about the pause
        assert put() == 200
        with pytest.raises(Problem) as caught:
            put()
    assert caught.value.code == "call_may_have_run"
    assert len(server.requests) == 3
