"""The process of a background endpoint.

It serves one need until it is stopped, until its last keys have expired, or until its socket is gone.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jitney.client.api.broker_clock import elapsed_seconds
from jitney.client.background.asking import is_own, problem_document, socket_address
from jitney.client.background.need import PROFILE, EndpointNeed, folder_unusable
from jitney.client.credentials.container_credentials import (
    CREDENTIALS_PATH,
    ContainerCredentials,
    EndpointToken,
    container_document,
    json_answer,
    problem_status,
    shell_variables,
)
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.http_server import MAX_CONNECTIONS, LocalServer, LoopbackServer
from jitney.client.gateway.received import ReceivedRequest
from jitney.client.holding.grant_cache import locked_entry
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.holding.slices import DEFAULT_SLICES, Slices
from jitney.client.inputs.connection_options import xdg
from jitney.client.inputs.settings import connect
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.processes.end_flag import EndFlag

# In the last 15 minutes of its credentials, boto3 and the AWS CLI run a credential process for each call. So a slice
# is replaced when less than 16 minutes are left: only after a pause does an SDK get one in its last 15 minutes.
PROFILE_SLICES = Slices(seconds=1200, margin=960)
_LOOK_SECONDS = 2.0


class BackgroundService:
    """Answers the commands of this user. `variables` returns what a program needs in a Region to use the endpoint."""

    def __init__(self, held: HeldGrant, variables: Callable[[str], dict[str, str]]) -> None:
        self._held = held
        self._variables = variables
        self._asked_at = elapsed_seconds()
        self.ended = EndFlag()
        self._routes: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", CREDENTIALS_PATH): lambda: container_document(held.credentials()),
            ("POST", CREDENTIALS_PATH): self._decided_credentials,
            ("GET", "/.jitney/environment"): self._environment,
            ("POST", "/.jitney/stop"): self._stop,
        }

    def idle_seconds(self) -> float:
        """Return the seconds since the last command asked."""
        return elapsed_seconds() - self._asked_at

    def refused(self, _head: ReceivedRequest) -> HttpAnswer | None:
        """Return None: no request is refused, because the server closes the connections of other users."""
        return None

    def body_limit(self, _head: ReceivedRequest) -> int:
        """Return the limit of a request's body in bytes: none is allowed."""
        return 0

    def too_large(self, _head: ReceivedRequest) -> HttpAnswer:
        """Return the answer to a request with a body."""
        return _failure(Invalid("body_invalid", "A body", "The request may not have a body."))

    def answer(self, request: ReceivedRequest, _connected: Callable[[], bool]) -> HttpAnswer:
        """Return the answer to a command, or its problem."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _failure(Invalid("path_invalid", "No such path", f"There is no {request.path[:80]!a}."))
        self._asked_at = elapsed_seconds()
        try:
            return json_answer(200, route())
        except ClientProblem as problem:
            return _failure(problem)

    def _decided_credentials(self) -> dict[str, Any]:
        self._held.ask_again()
        return container_document(self._held.credentials())

    def _environment(self) -> dict[str, Any]:
        self._held.credentials()  # not of a gateway grant, which has none
        grant = self._held.grant()
        return {"environment": self._variables(grant.region), "grant": grant.id, "process": os.getpid()}

    def _stop(self) -> dict[str, Any]:
        grant = self._held.latest
        try:
            self._held.release()
        finally:
            self.ended.set()
        return {"grant": grant.id if grant else ""}


def _failure(problem: ClientProblem) -> HttpAnswer:
    return json_answer(problem_status(problem), problem_document(problem))


def main() -> None:
    """Read the need from standard input, report on standard output that the endpoint is ready, and serve."""
    os.umask(0o077)
    order = json.load(sys.stdin)
    if os.fork():  # the starter waits for this process only
        os._exit(0)
    need, folder, key = EndpointNeed.read(order["need"]), Path(order["folder"]), order["key"]
    try:
        broker = connect(need.connection, os.environ)
        with locked_entry(xdg(os.environ, "XDG_STATE_HOME", ".local/state") / "grants", key) as memory:
            slices = PROFILE_SLICES if need.kind == PROFILE else DEFAULT_SLICES
            held = HeldGrant(broker, need.access, slices=slices, memory=memory)
            if order["new_grant"]:
                held.start_over()
            try:
                with _serving(folder, key, held, need.kind) as (service, has_socket):
                    _say({})
                    _until_ended(service, has_socket, slices.seconds if need.kind == PROFILE else None)
            finally:
                with suppress(ClientProblem):  # it ends by itself at its expiry
                    held.release()
    except ClientProblem as problem:
        _say(problem_document(problem))
    except OSError as error:  # such as a socket for which the disk has no place
        _say(problem_document(folder_unusable(folder, error)))


@contextmanager
def _serving(
    folder: Path, key: str, held: HeldGrant, kind: str
) -> Generator[tuple[BackgroundService, Callable[[], bool]]]:
    """Yield the service, and a function that returns whether its socket still has its name."""
    token = EndpointToken()
    loopback = LoopbackServer(lambda port: ContainerCredentials(port, token, held)) if kind != PROFILE else None
    service = BackgroundService(held, lambda region: shell_variables(loopback.port, token, region) if loopback else {})
    name = folder / f"{key}.sock"
    name.unlink(missing_ok=True)  # of an endpoint that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket_address(folder, name.name) as address:
        listener.bind(address)
    inode = name.stat().st_ino
    listener.listen(MAX_CONNECTIONS)
    server = LocalServer(listener, service, is_own)
    for each in filter(None, (server, loopback)):
        each.start()

    def has_socket() -> bool:
        try:
            return name.stat().st_ino == inode
        except OSError:  # FileNotFoundError: the user removed the folder of the state
            return False

    try:
        yield service, has_socket
    finally:
        if has_socket():  # before close(), after which the next endpoint's socket may have the name
            name.unlink(missing_ok=True)
        for each in filter(None, (server, loopback)):
            each.close()


def _until_ended(service: BackgroundService, has_socket: Callable[[], bool], most_idle_seconds: float | None) -> None:
    """Return when the endpoint is stopped, its last keys have expired, or no command can reach or stop it any more."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: service.ended.set())
    while not service.ended.wait(_LOOK_SECONDS) and has_socket():
        if most_idle_seconds is not None and service.idle_seconds() > most_idle_seconds:
            return


def _say(document: dict[str, Any]) -> None:
    """Write one line to the process that started this one. That process then continues."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    main()
