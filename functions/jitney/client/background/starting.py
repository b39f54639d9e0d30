"""Starts a background endpoint, once for each need."""

import json
import os
import subprocess
import sys
from pathlib import Path

from jitney.client.background.asking import EndpointAnswer, ask, read_problem
from jitney.client.background.need import EndpointNeed
from jitney.client.holding.grant_cache import locked_file
from jitney.client.problems import Unavailable


def start_and_ask(
    folder: Path, need: EndpointNeed, method: str, path: str, *, new_grant: bool = False
) -> EndpointAnswer:
    """Return the answer of the endpoint for `need`, which is started if there is none.

    If several processes need the endpoint at once, only one of them starts it. With `new_grant`, the present endpoint
    is stopped, and the new one makes a new request. Raises what `ask` raises, and the problem with which the endpoint
    could not start.
    """
    key = need.key()
    with locked_file(folder.parent / "starts", key) as lock:
        os.utime(lock)  # it is written never, and deleted eight days after its last time
        if new_grant:
            ask(folder, key, "POST", "/.jitney/stop")
        elif answer := ask(folder, key, method, path):
            return answer
        _start(folder, key, need, new_grant=new_grant)
        if answer := ask(folder, key, method, path):
            return answer
    detail = "The endpoint ended as soon as it had started."
    raise Unavailable("endpoint_not_started", "No endpoint", detail, "Run the command again.")


def _start(folder: Path, key: str, need: EndpointNeed, *, new_grant: bool) -> None:
    """Start the endpoint, and return when it listens.

    It gets this process's environment, but not its files or terminal.
    """
    order = {"folder": str(folder), "key": key, "new_grant": new_grant, "need": need.document()}
    # -P: no module comes from the working folder, which may be a repository of others.
    command = [sys.executable, "-P", "-m", "jitney.client.background.process"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdin  # noqa: S101 - it is a pipe
        assert process.stdout  # noqa: S101
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        said = process.stdout.readline()
    document = json.loads(said) if said else {}
    if document.get("code"):
        raise read_problem(document)
