"""The end of the local server (CLI 4): answers that are being made still arrive, and every signal is noticed."""

import contextlib
import errno
import http.client
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from jitney.client.gateway import http_server
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.http_server import LocalServer, LoopbackServer
from jitney.client.gateway.received import ReceivedRequest
from tests.running_systems import PATIENCE, until


class Service:
    """Answers when the server has stopped reading, and then after `more` is done."""

    def __init__(self, more: Callable[[], object] = lambda: None) -> None:
        self.asked, self._more = threading.Event(), more

    def refused(self, _head: ReceivedRequest) -> HttpAnswer | None:
        return None

    def body_limit(self, _head: ReceivedRequest) -> int:
        return 0

    def too_large(self, _head: ReceivedRequest) -> HttpAnswer:
        return HttpAnswer(413)

    def answer(self, _request: ReceivedRequest, connected: Callable[[], bool]) -> HttpAnswer:
        self.asked.set()
        until(lambda: not connected())
        self._more()
        return HttpAnswer(200, body=b"stopped")


def answered(port: int) -> bytes:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/")
        return connection.getresponse().read()


@contextlib.contextmanager
def closed_during_an_answer(service: Service) -> Iterator["Future[bytes]"]:
    """Close a server while it makes an answer, and yield this answer."""
    server = LoopbackServer(lambda _port: service)
    server.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(answered, server.port)
        assert service.asked.wait(PATIENCE)
        server.close()
        yield answer


def test_cli_04_an_answer_that_is_being_made_is_sent_before_the_end():
    with closed_during_an_answer(Service()) as answer:
        assert answer.result() == b"stopped"


def test_cli_04_an_answer_that_takes_too_long_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_server, "LAST_ANSWERS_SECONDS", 0.0)
    closed = threading.Event()
    with closed_during_an_answer(Service(lambda: closed.wait(PATIENCE))) as answer:
        closed.set()
        with pytest.raises((http.client.HTTPException, OSError)):
            answer.result()


def raw_answer(head: str, body: bytes = b"") -> tuple[int, bool]:
    """Return the status that a server sends for one request, and whether it then closed the connection."""
    server = LoopbackServer(lambda _port: Service())
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            return answer.status, answer.will_close
    finally:
        server.close()


@pytest.mark.parametrize("length", ["1", "9" * 20])
def test_gw_12_a_body_that_is_announced_as_too_large_is_not_read(length: str):
    """A client that waits for "100 Continue" gets 413 instead."""
    assert raw_answer(f"Content-Length: {length}\r\nExpect: 100-continue") == (413, True)


def test_gw_12_a_number_of_more_than_20_digits_is_no_length():
    assert raw_answer(f"Content-Length: {'9' * 5000}\r\nExpect: 100-continue")[0] == 400


def test_gw_12_a_body_that_is_far_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_server, "_MAX_DISCARDED_BYTES", 1000)
    assert raw_answer("Content-Length: 500", b"x" * 500) == (413, False)
    assert raw_answer("Content-Length: 5000", b"x" * 2000) == (413, True)


def test_cli_04_only_the_main_thread_takes_signals():
    """Another thread that takes one leaves the main thread waiting, and the endpoint goes on after SIGTERM."""
    blocked: list[set[int]] = []
    service = Service(lambda: blocked.append({*signal.pthread_sigmask(signal.SIG_BLOCK, [])}))
    with closed_during_an_answer(service) as answer:
        assert answer.result() == b"stopped"
    (of_connection,) = blocked
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= of_connection
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])


class Greeting(Service):
    """Answers at once."""

    def answer(self, _request: ReceivedRequest, _connected: Callable[[], bool]) -> HttpAnswer:
        return HttpAnswer(200, body=b"hello")


@contextlib.contextmanager
def greeting() -> Iterator[LoopbackServer]:
    server = LoopbackServer(lambda _port: Greeting())
    server.start()
    try:
        yield server
    finally:
        server.close()


def kept_open(port: int) -> http.client.HTTPConnection:
    """Return a connection that was used, and stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    return connection


def port_of(connection: http.client.HTTPConnection) -> int:
    """Return the client's port of a connection."""
    return int(connection.sock.getsockname()[1])


def waiting(server: LoopbackServer) -> list[int]:
    """Return the clients' ports of the connections that wait for a request, the longest first.

    A client can read its answer before the server knows that the connection waits.
    """
    return [each.getpeername()[1] for each in list(server._idle)]


def test_cli_04_connections_that_wait_for_their_next_request_keep_no_other_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(http_server, "IDLE_SECONDS", PATIENCE)
    ready = threading.Event()
    with greeting() as server:
        looked = server._close_longest_idle  # it looks as soon as there is no place for another connection
        monkeypatch.setattr(server, "_close_longest_idle", lambda: ready.wait(PATIENCE) and looked())
        connections = [kept_open(server.port) for _ in range(3)]
        ports = [port_of(each) for each in connections]
        until(lambda: sorted(waiting(server)) == sorted(ports))
        for each in connections[0], connections[2]:
            each.request("GET", "/")
            assert each.getresponse().read() == b"hello"
            until(lambda each=each: waiting(server)[-1:] == [port_of(each)])
        ready.set()  # the second now waits longest
        connections.append(kept_open(server.port))
        assert connections[1].sock.recv(1) == b""
        for each in connections:
            each.close()


def test_gw_12_connections_without_a_request_keep_no_other_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    with greeting() as server, contextlib.ExitStack() as silent:
        first = silent.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
        until(lambda: len(server._connections) == 1)
        for _ in range(2):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
        kept_open(server.port).close()
        assert first.recv(1) == b""


def test_gw_12_connections_with_a_part_of_a_head_keep_no_other_out(monkeypatch: pytest.MonkeyPatch):
    """Another user of this machine can send one byte on each connection, and needs no token for that."""
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(http_server, "HEAD_SECONDS", PATIENCE)
    with greeting() as server, contextlib.ExitStack() as held:
        parts = [held.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) for _ in range(3)]
        for each in parts:
            each.sendall(b"G")
        kept_open(server.port).close()
        assert b"" in [each.recv(1) for each in parts if select.select([each], [], [], 0)[0]]


def test_gw_12_a_place_for_a_connection_is_made_at_once(monkeypatch: pytest.MonkeyPatch):
    """Otherwise many silent connections keep another one waiting, although each of them is closed."""
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(http_server, "_LOOK_SECONDS", 60.0)
    with greeting() as server, contextlib.ExitStack() as silent:
        for least in (1, 2, 2):  # with the third, the first is closed
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            until(lambda least=least: len(server._idle) >= least)
        kept_open(server.port).close()


@pytest.mark.parametrize("seconds", [0.3, 0.0])
def test_gw_12_a_head_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, seconds: float):
    monkeypatch.setattr(http_server, "HEAD_SECONDS", seconds)
    with greeting() as server, socket.create_connection(("127.0.0.1", server.port), PATIENCE) as dripping:
        dripping.sendall(b"GET / HTTP/1.1\r\nX-Long: ")

        def is_closed() -> bool:
            with contextlib.suppress(ConnectionError):
                dripping.sendall(b"x")
                return bool(select.select([dripping], [], [], 0)[0]) and dripping.recv(1) == b""
            return True

        until(is_closed)
        until(lambda: not server._connections)


class IdleUntilListed(dict[socket.socket, None]):
    """The idle connections. The first time that the server lists any, `then` runs before it gets the list."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = [then]

    def __iter__(self) -> Iterator[socket.socket]:
        listed = list(self.keys())
        while listed and self._then:
            self._then.pop()()
        return iter(listed)


def test_cli_04_a_connection_whose_next_request_has_come_is_not_closed_as_idle(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)
    listed, connected = threading.Event(), list[bool]()

    class Waiting(Service):
        def answer(self, _request: ReceivedRequest, connected_: Callable[[], bool]) -> HttpAnswer:
            if self.asked.is_set():
                busy.set()
                assert listed.wait(PATIENCE)
                connected.append(connected_())
            self.asked.set()
            return HttpAnswer(200, body=b"hello")

    def next_request() -> None:
        assert ready.wait(PATIENCE)
        first.request("GET", "/")
        assert busy.wait(PATIENCE)

    busy, ready, service = threading.Event(), threading.Event(), Waiting()
    server = LoopbackServer(lambda _port: service)
    server._idle = IdleUntilListed(next_request)
    looked = server._close_longest_idle

    def look() -> None:
        looked()
        if busy.is_set():
            listed.set()

    monkeypatch.setattr(server, "_close_longest_idle", look)
    server.start()
    with contextlib.closing(kept_open(server.port)) as first:
        ready.set()
        assert listed.wait(PATIENCE)
        assert first.getresponse().read() == b"hello"
    server.close()
    assert connected == [True]


class FewFiles:
    """A listener of a process that may open files for two connections."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._accepted: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, object]:
        if sum(each.fileno() >= 0 for each in self._accepted) > 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        connection, address = self._listener.accept()
        self._accepted.append(connection)
        return connection, address

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


def test_cli_04_without_files_for_connections_the_endpoint_closes_those_that_wait():
    listener: Any = FewFiles(socket.create_server(("127.0.0.1", 0)))
    server = LocalServer(listener, Greeting())
    port = listener.getsockname()[1]
    server.start()
    try:
        for each in [kept_open(port) for _ in range(4)]:
            each.close()
    finally:
        server.close()


def test_cli_04_without_a_thread_for_a_connection_the_endpoint_goes_on(monkeypatch: pytest.MonkeyPatch):
    def refused(_thread: threading.Thread) -> None:
        monkeypatch.undo()
        raise RuntimeError("can't start new thread")

    with greeting() as server:
        monkeypatch.setattr(threading.Thread, "start", refused)
        with pytest.raises((http.client.HTTPException, OSError)):
            kept_open(server.port)
        kept_open(server.port).close()
