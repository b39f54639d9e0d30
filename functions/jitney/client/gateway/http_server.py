"""An HTTP/1.1 server for this machine, with h11 as its parser: strict, and safe against request smuggling.

One thread serves a connection, and at most `MAX_CONNECTIONS` are open. A request needs a length or chunks. Clients may
wait for `100 Continue`, and send several requests on a connection. SDKs keep connections open for their next request.
If there is no place for a new connection, the one that has waited longest for a request or a whole head is closed.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from http.client import responses
from typing import Protocol

import h11

from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.received import ReceivedRequest
from jitney.client.processes.unsignalled import start_unsignalled

MAX_CONNECTIONS = 128
IDLE_SECONDS = 120.0
HEAD_SECONDS = 20.0
"""How long the head of a request may take. Other users of this machine may connect, and send it byte by byte."""
LAST_ANSWERS_SECONDS = 2.0
"""How long `close` waits for answers in progress."""
_LOOK_SECONDS = 0.1
_READ_BYTES = 65_536
_MAX_DISCARDED_BYTES = 100_000_000
"""How much of a body that is too large is read before the answer. SDKs read no answer while they send."""


class HttpService(Protocol):
    """What the server calls for each request."""

    def refused(self, head: ReceivedRequest) -> HttpAnswer | None:
        """Return the answer to a request that may not send its body, or None. `head` has no body yet."""
        ...

    def body_limit(self, head: ReceivedRequest) -> int:
        """Return the bytes that the body of a request may have."""
        ...

    def too_large(self, head: ReceivedRequest) -> HttpAnswer:
        """Return the answer to a request with a body of more than `body_limit`."""
        ...

    def answer(self, request: ReceivedRequest, connected: Callable[[], bool]) -> HttpAnswer:
        """Return the answer to a request. `connected` says whether the client still waits for it."""
        ...


class LocalServer:
    """Serves `service` to the connections of `listener`, from `start` until `close`.

    Connections for which `accepts` returns False are closed at once.
    """

    def __init__(
        self,
        listener: socket.socket,
        service: HttpService,
        accepts: Callable[[socket.socket], bool] = lambda _: True,
    ) -> None:
        self._listener = listener
        self._service = service
        self._accepts = accepts
        self._open = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._idle: dict[socket.socket, None] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="endpoint", daemon=True)

    def start(self) -> None:
        """Begin to accept connections, in a thread."""
        start_unsignalled(self._thread)

    def close(self) -> None:
        """Stop reading requests, finish answers for at most `LAST_ANSWERS_SECONDS`, and close all connections."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join()
        serving, end = dict(self._connections), time.monotonic() + LAST_ANSWERS_SECONDS
        self._shut(socket.SHUT_RD)
        for each in serving.values():
            each.join(max(0.0, end - time.monotonic()))
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        for each in list(self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(how)

    def _accept(self) -> None:
        while not self._closing.is_set():
            if not self._open.acquire(blocking=False):
                self._close_longest_idle()
                if not self._open.acquire(timeout=_LOOK_SECONDS):
                    continue
            try:
                connection, _ = self._listener.accept()
            except OSError:  # such as too many open files
                self._no_place()
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError:  # the system starts no more threads
                connection.close()
                self._no_place()

    def _no_place(self) -> None:
        """Close the longest idle connection, and wait a little. To try again at once would only take processor time."""
        self._open.release()
        self._close_longest_idle()
        self._closing.wait(_LOOK_SECONDS)

    def _close_longest_idle(self) -> None:
        """Close the longest idle connection on which nothing more has arrived.

        Either this thread or the connection's own thread removes it from `_idle`. Only that thread may go on with it.
        """
        for each in list(self._idle):
            with contextlib.suppress(OSError, ValueError):  # its client closed it meanwhile
                if not _readable(each) and self._idle.pop(each, False) is None:
                    each.shutdown(socket.SHUT_RD)
                    return

    def _serve(self, connection: socket.socket) -> None:
        self._connections[connection] = threading.current_thread()
        try:
            connection.settimeout(IDLE_SECONDS)
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._accepts(connection):
                _Connection(connection, self._service, self._idle).serve()
        except (OSError, h11.ProtocolError):
            return  # the client closed the connection, was idle for too long, or broke the protocol
        finally:
            self._connections.pop(connection, None)
            connection.close()
            self._open.release()


class LoopbackServer(LocalServer):
    """Serves on a free port of 127.0.0.1. `service` returns the service for that port."""

    def __init__(self, service: Callable[[int], HttpService]) -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=MAX_CONNECTIONS)
        self.port: int = listener.getsockname()[1]
        super().__init__(listener, service(self.port))


class _BodyTooLargeError(Exception):
    """The body has more bytes than its limit. `whole` says whether it was read to its end."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole


class _Connection:
    """One connection, and its requests. It is in `idle` while it waits for another request, or for more of a head."""

    def __init__(self, connection: socket.socket, service: HttpService, idle: dict[socket.socket, None]) -> None:
        self._socket = connection
        self._service = service
        self._idle = idle
        self._h11 = h11.Connection(h11.SERVER)

    def serve(self) -> None:
        while self._h11.trailing_data[0] or self._idle_until(partial(self._socket.recv, 1, socket.MSG_PEEK)):
            if not self._one_request():
                return
            self._h11.start_next_cycle()

    def _idle_until(self, received: Callable[[], bytes]) -> bytes:
        """Return what is received. Raises ConnectionAbortedError if the connection was closed as the longest idle."""
        self._idle[self._socket] = None
        try:
            return received()
        finally:
            if self._idle.pop(self._socket, False) is not None:
                raise ConnectionAbortedError("another connection needed the place")

    def _one_request(self) -> bool:
        """Answer one request. Return whether another one may follow."""
        try:
            event = self._next(time.monotonic() + HEAD_SECONDS)
            self._socket.settimeout(IDLE_SECONDS)
            if not isinstance(event, h11.Request):
                return False
            head = _head(event)
            if head is None:
                self._send(HttpAnswer(400, body=b"A header appears twice, or the target is no path.\n"), "GET")
                return False
            if refused := self._service.refused(head):
                self._send(refused, head.method)
                return False
            try:
                request = self._with_body(head)
            except _BodyTooLargeError as error:
                self._send(self._service.too_large(head), head.method)
                return error.whole and self._reusable()
        except h11.RemoteProtocolError as error:
            if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._send(HttpAnswer(error.error_status_hint, body=b"Malformed HTTP request.\n"), "GET")
            return False
        self._send(self._service.answer(request, self._connected), request.method)
        return self._reusable()

    def _reusable(self) -> bool:
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    def _with_body(self, head: ReceivedRequest) -> ReceivedRequest:
        announced, limit = head.headers.get("content-length", "0"), self._service.body_limit(head)
        if self._h11.they_are_waiting_for_100_continue:
            if int(announced) > limit:  # h11 refuses numbers of more than 20 digits
                raise _BodyTooLargeError(whole=False)
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            self._socket.sendall(self._h11.send(go_on))
        body, discarded = bytearray(), 0
        while isinstance(event := self._next(), h11.Data):
            if len(body) + len(event.data) > limit or discarded:
                discarded += len(event.data)
                if discarded > _MAX_DISCARDED_BYTES:
                    raise _BodyTooLargeError(whole=False)
            else:
                body += event.data
        if discarded:
            raise _BodyTooLargeError(whole=True)
        return ReceivedRequest(head.method, head.path, head.query, head.headers, bytes(body))

    def _next(self, until: float = float("inf")) -> h11.Event:
        """Return the next part of a request. Raises TimeoutError if it is not there at a time of `time.monotonic`."""
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                if (left := until - time.monotonic()) <= 0:
                    raise TimeoutError("the head did not end in time")
                self._socket.settimeout(min(IDLE_SECONDS, left))
                read, in_head = partial(self._socket.recv, _READ_BYTES), until != float("inf")
                self._h11.receive_data(self._idle_until(read) if in_head else read())
            elif isinstance(event, h11.Event):
                return event
            else:  # PAUSED: the next request is here before this one's answer
                raise h11.RemoteProtocolError("unexpected state")

    def _send(self, answer: HttpAnswer, method: str) -> None:
        """Send the answer. An answer to HEAD keeps the length that AWS stated."""
        headers = [(name, value) for name, value in answer.headers if name.lower() not in _OF_THE_CONNECTION]
        stated = [value for name, value in answer.headers if name.lower() == "content-length"]
        kept = (method == "HEAD" or answer.chunks is not None) and stated
        length = stated[0] if kept else str(len(answer.body))
        if answer.status not in (204, 304):
            headers.append(("content-length", length))
        if self._h11.their_state is not h11.DONE:  # the body stays unread, so that no request can follow
            headers.append(("connection", "close"))
        # botocore reads an early answer to "Expect: 100-continue" itself, and needs a reason in its first line.
        reason = responses.get(answer.status, "Answer")
        response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
        sent = self._h11.send(response) or b""
        if method != "HEAD" and answer.status not in (204, 304):
            for chunk in (answer.body,) if answer.chunks is None else answer.chunks:
                self._socket.sendall(sent + (self._h11.send(h11.Data(data=chunk)) or b""))
                sent = b""
        self._socket.sendall(sent + (self._h11.send(h11.EndOfMessage()) or b""))

    def _connected(self) -> bool:
        """Return whether the client still has the connection open."""
        try:
            return not _readable(self._socket) or bool(self._socket.recv(1, socket.MSG_PEEK))
        except (OSError, ValueError):
            return False


def _readable(connection: socket.socket) -> bool:
    """Return whether data or the end has arrived. Raises OSError or ValueError if the connection is closed."""
    return bool(select.select([connection], [], [], 0)[0])


_OF_THE_CONNECTION = frozenset({
    "connection", "content-length", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


def _head(event: h11.Request) -> ReceivedRequest | None:
    """Return the request without its body; None if it is ambiguous: a repeated header, or a target without a path."""
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
    target = event.target.decode("ascii", "replace")
    if len(headers) != len(event.headers) or not target.startswith("/") or "#" in target:
        return None
    path, _, query = target.partition("?")
    return ReceivedRequest(event.method.decode("ascii"), path, query, headers)
