"""The `jitney` program. Frequent commands of SDKs and scripts run without the parser, which takes 100 ms to load."""

import errno
import io
import os
import sys

from jitney import __version__

_OF_OUTPUT = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Why output cannot be written: its reader has ended, the disk is full, or the file is too large or closed."""


def main() -> None:
    """Run the command line of this process. It ends without a traceback when its output cannot be written.

    When the reader of its output has ended, it also ends without a message.
    """
    _open_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Agents choose reasons: one that the encoding of the terminal lacks may not end an operator's command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_OUTPUT:  # of a file, or of the network
            raise
        # At its exit, Python would write to the output once more. https://docs.python.org/3/library/signal.html
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            from jitney.client.terminal.command_result import show_lost_output

            show_lost_output(sys.argv[1:3], error)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # before the command began


def _open_missing_streams() -> None:
    """Open the null device in place of each standard stream that is closed.

    Otherwise the next file or connection would get its number, and what is printed would be written there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, which is this one
            os.set_inheritable(number, True)  # noqa: FBT003 - the parameter has no name
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8"))


def _run(words: list[str]) -> None:
    if words == ["--version"]:
        sys.stdout.write(f"jitney {__version__}\n")
        return
    if words[:1] == ["credentials"]:
        from jitney.client.credentials import credential_process

        options = credential_process.parse(words[1:])
        if options is not None:
            credential_process.print_credentials(options)
            return
    from jitney.client.cli import app_for

    app_for(words)()
