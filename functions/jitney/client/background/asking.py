"""Asks a background endpoint of this user, over a Unix socket.

SDKs wait for the answer at each start, so this module imports little.
"""

import contextlib
import json
import os
import shlex
import socket
import struct
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from jitney.client.problems import (
    ClientProblem,
    Denied,
    GrantEnded,
    Invalid,
    ReviewPending,
    Unauthenticated,
    Unavailable,
)

ANSWER_SECONDS = 150.0
"""The longest wait for an answer. A call to the broker with its repeats takes less."""
_MOST_PATH_BYTES = 100
"""The limit of a socket's path: macOS permits 103, Linux 107."""
_KINDS = {kind.exit_code: kind for kind in (Invalid, Denied, ReviewPending, Unauthenticated, Unavailable, GrantEnded)}


class _OtherEnd(NamedTuple):
    """The process at the other end of a connection, by its number, and the number of its user."""

    process: int
    user: int


class EndpointAnswer(NamedTuple):
    """The HTTP status, and the JSON object of the answer."""

    status: int
    document: dict[str, Any]

    def content(self) -> dict[str, Any]:
        """Return the object of a success. Raises the problem in any other answer."""
        if self.status == 200:
            return self.document
        raise read_problem(self.document)


def ask(folder: Path, key: str, method: str, path: str) -> EndpointAnswer | None:
    """Return the answer of the endpoint `key`, or None when there is no such endpoint.

    Raises Invalid when a process of another user answers, and Unavailable when no answer comes in time.
    """
    end = f"kill $(lsof -t {shlex.quote(str(folder / f'{key}.sock'))})"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        # With settimeout(), connect() would fail at once (EAGAIN) when many commands wait for the endpoint.
        limit = struct.pack("ll", int(ANSWER_SECONDS), int(ANSWER_SECONDS % 1 * 1_000_000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        try:
            with socket_address(folder, f"{key}.sock") as address:
                connection.connect(address)
            connection.settimeout(ANSWER_SECONDS)
            other = _other_end(connection)
            if other and other.process:  # 0 is a process of another container
                end = f"kill {other.process}"
            if not is_own(connection):
                detail = f"A process of another user serves {folder / key}.sock."
                raise Invalid("endpoint_foreign", "Not your endpoint", detail, f"Remove {folder}, and try again.")
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            received = b"".join(iter(lambda: connection.recv(65_536), b""))
        except (FileNotFoundError, ConnectionError):
            return None
        except (TimeoutError, BlockingIOError) as error:
            detail = f"The endpoint did not answer within {ANSWER_SECONDS:.0f} seconds."
            fix = f"Stop it: `jitney serve --stop`. If that has no answer either: `{end}`."
            raise Unavailable("no_response", "No answer", detail, fix) from error
    head, _, body = received.partition(b"\r\n\r\n")
    try:
        return EndpointAnswer(int(head.split(b" ", 2)[1]), json.loads(body))
    except (IndexError, ValueError):  # the endpoint ended before it had answered
        return None


@contextlib.contextmanager
def socket_address(folder: Path, name: str) -> Generator[str]:
    """Yield the address of the socket `name` in `folder`.

    If its path is too long, the address is only the name, and `folder` is the working directory of the block.
    """
    path = str(folder / name)
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        yield path
        return
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)
        yield name
    finally:
        os.fchdir(before)
        os.close(before)


def is_own(connection: socket.socket) -> bool:
    """Return whether the process at the other end is this user's.

    Only Linux shows that. On other systems, the folder's permissions decide.
    """
    other = _other_end(connection)
    return other is None or other.user == os.geteuid()


def _other_end(connection: socket.socket) -> _OtherEnd | None:
    """Return the process at the other end, if the system shows it."""
    if sys.platform != "linux":
        return None
    process, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return _OtherEnd(process, user)


def problem_document(problem: ClientProblem) -> dict[str, Any]:
    """Return a problem as JSON that `read_problem` reads."""
    return {**problem.document(), "exit_code": problem.exit_code}


def read_problem(document: dict[str, Any]) -> ClientProblem:
    """Return the problem in its JSON."""
    extras = dict(document)
    code, title, detail, fix = (str(extras.pop(name, "")) for name in ("code", "title", "detail", "fix"))
    return _KINDS.get(extras.pop("exit_code", 0), Unavailable)(code, title, detail, fix, extras)
