"""Transfers of S3 bodies that are too large for the broker: with a ticket, straight to and from S3 (row GW 9).

A ticket is one signed request, bound to its body. The broker decides about it as about any call. S3's answer to a
download is not masked, so a download needs a grant with `reveal`.
"""

import contextlib
import hashlib
import http.client
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from jitney.client.api.connection import NotConnectedError, open_to
from jitney.client.gateway.call_answers import CallAnswer, DirectTicket
from jitney.client.gateway.calling import CallSender, invocation_key
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.problems import ClientProblem, Unavailable

LARGE_BYTES = 3_500_000
"""A body of more bytes is transferred directly. In base64, the broker accepts about 3.7 million bytes."""
_UPLOADS = frozenset({"PutObject", "UploadPart"})
_RANGE = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)
_AGAIN = frozenset({429, 500, 502, 503, 504})
_PAUSES_SECONDS = (0.5, 1.0, 2.0)
_TRANSFER_SECONDS = 60.0
"""The longest wait for one block of a transfer."""
_BLOCK_BYTES = 262_144


class DirectTransfers:
    """Sends calls through `sender`, and transfers large bodies itself.

    `reveal` is the grant's, and `clock` the broker's, which says when a ticket ends.
    """

    def __init__(
        self,
        sender: CallSender,
        *,
        reveal: bool,
        clock: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sender = sender
        self._reveal = reveal
        self._clock = clock
        self._sleep = sleep

    def called(self, call: ParsedCall, body: bytes, key: str, connected: Callable[[], bool]) -> CallAnswer | HttpAnswer:
        """Return the answer to a call: the broker's, or S3's own after a transfer.

        Raises AbandonedError and ClientProblem, as `CallSender.send` does.
        """
        if call.service == "s3" and call.operation.name in _UPLOADS and len(body) > LARGE_BYTES:
            direct = {"content_sha256": hashlib.sha256(body).hexdigest(), "content_length": len(body)}
            return self._transferred(call, direct, body, key, connected)
        download = call.service == "s3" and call.operation.name == "GetObject" and self._reveal
        if download and _wanted_bytes(call) > LARGE_BYTES:
            return self._transferred(call, {}, b"", key, connected)
        try:
            answer = self._sender.send(call, key, connected)
        except ClientProblem as problem:
            if not download or problem.code != "answer_unmaskable":
                raise
            # A read may be repeated. This is another call, because its answer does not pass the broker.
            return self._transferred(call, {}, b"", invocation_key(f"{key} direct"), connected)
        if isinstance(answer, DirectTicket):
            raise TypeError("a ticket for a call without direct")
        return answer

    def _transferred(
        self, call: ParsedCall, direct: Mapping[str, Any], body: bytes, key: str, connected: Callable[[], bool]
    ) -> HttpAnswer:
        parameters = {name: value for name, value in call.parameters.items() if name != "Body"}
        ticket = self._sender.send(replace(call, parameters=parameters), key, connected, direct)
        if not isinstance(ticket, DirectTicket):
            raise TypeError("an answer where a ticket was expected")
        for pause in (*_PAUSES_SECONDS, 0.0):
            last = not pause or self._clock() + pause >= ticket.expires_at
            try:
                answer = _exchange(ticket, body)
            except (OSError, http.client.HTTPException, NotConnectedError) as error:
                if last:
                    host = urlsplit(ticket.url).netloc
                    detail = f"{host} did not answer, so the transfer may be incomplete."
                    raise Unavailable("transfer_failed", "No answer", detail, "Transfer the object again.") from error
            else:
                if last or answer.status not in _AGAIN:
                    return answer
                if isinstance(answer.chunks, _Chunks):
                    answer.chunks.close()
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def _wanted_bytes(call: ParsedCall) -> int:
    """Return how many bytes the call requests, or 0 if it does not say."""
    asked = _RANGE.fullmatch(str(call.parameters.get("Range", "")))
    return int(asked[2]) - int(asked[1]) + 1 if asked else 0


class _Chunks:
    """The body of S3's answer, read while it is sent on."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer

    def close(self) -> None:
        """End the connection."""
        self._answer.close()
        self._connection.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks. Raises HTTPException when the body is cut."""
        with contextlib.closing(self):
            while block := self._answer.read(_BLOCK_BYTES):
                yield block


def _exchange(ticket: DirectTicket, body: bytes) -> HttpAnswer:
    """Send the ticket's request once, exactly as it is signed."""
    url = urlsplit(ticket.url)
    connection = open_to(url)
    try:
        connection.connect()
        connection.sock.settimeout(_TRANSFER_SECONDS)
        connection.putrequest(
            ticket.method, url.path + (f"?{url.query}" if url.query else ""), skip_accept_encoding=True
        )
        for name, value in ticket.headers.items():
            connection.putheader(name, value)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # S3 may refuse before the body is sent
            connection.endheaders(io.BytesIO(body) if body else None)
        answer = connection.getresponse()
    except BaseException:
        connection.close()
        raise
    return HttpAnswer(answer.status, tuple(answer.getheaders()), chunks=_Chunks(connection, answer))
