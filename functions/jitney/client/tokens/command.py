"""A token that a command prints, such as a company's own login tool."""

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from jitney.client.inputs.setting_files import MOST_BYTES
from jitney.client.problems import Unauthenticated
from jitney.client.processes.unsignalled import in_foreground
from jitney.client.tokens import Token, checked_token

_SECONDS = 60
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class CommandToken:
    """The token that `argv` prints on standard output. No shell runs it, and its standard error is passed on.

    The command may ask questions on a terminal. It gets no other standard input, because that is for `jitney`: an MCP
    client's messages, or what a user pipes into `jitney run`.
    """

    argv: tuple[str, ...]

    def fetch(self) -> Token:
        """The printed token.

        Raises Unauthenticated when the command fails, takes longer than a minute, or prints no token.
        """
        stdin = None if os.isatty(0) else subprocess.DEVNULL
        # If the command has its own group, all of its processes can be ended. But only the foreground group may ask.
        group = None if in_foreground() else 0
        try:
            with subprocess.Popen(self.argv, stdin=stdin, stdout=subprocess.PIPE, process_group=group) as child:
                try:
                    printed = self._printed_by(child)
                finally:
                    if child.poll() is None:  # after an error or Ctrl+C
                        _kill(child, with_group=group == 0)
        except OSError as error:
            raise self._failed(f"cannot be started: {error.strerror}") from error
        if child.returncode < 0:
            raise self._failed(f"was ended by signal {-child.returncode}")
        if child.returncode:
            raise self._failed(f"failed with exit code {child.returncode}")
        return Token(checked_token(printed.decode("utf-8", "replace"), f"The token command {self.argv[0]}"))

    def _printed_by(self, child: subprocess.Popen[bytes]) -> bytearray:
        """Return what the command prints until it ends. Raises Unauthenticated if that is too much or too late."""
        assert child.stdout  # noqa: S101 - it is a pipe
        printed, until = bytearray(), time.monotonic() + _SECONDS
        with selectors.DefaultSelector() as output:
            output.register(child.stdout, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0 and output.select(left):
                piece = os.read(child.stdout.fileno(), _READ_BYTES)
                if not piece:
                    with suppress(subprocess.TimeoutExpired):
                        child.wait(left)
                        return printed
                    break
                printed += piece
                if len(printed) > MOST_BYTES:
                    raise self._failed(f"printed more than {MOST_BYTES} bytes")
        raise self._failed(f"did not end within {_SECONDS} seconds")

    def _failed(self, what: str) -> Unauthenticated:
        detail = f"The token command {self.argv[0]} {what}."
        return Unauthenticated("token_unusable", "No usable token", detail, "Run the command by hand to see why.")


def _kill(child: subprocess.Popen[bytes], *, with_group: bool) -> None:
    if sys.platform != "win32" and with_group:
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
