"""Blocks signals of threads and of code, and finds whether the keys of a terminal send signals to this process."""

import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTSTP", "SIGCONT")


def start_unsignalled(thread: threading.Thread) -> None:
    """Start a thread that blocks the signals that end or control a program. Threads that it starts block them, too.

    The kernel may give a signal to any thread that does not block it. Python runs the handler in the main thread, but
    nothing then interrupts its wait for a lock or a child (signal(7), "Signal mask and pending signals";
    https://docs.python.org/3/library/signal.html#signals-and-threads).
    """
    with signals_blocked(_ENDING):
        thread.start()


@contextmanager
def signals_blocked(names: Iterable[str]) -> Generator[None]:
    """Let these signals wait until the block ends. On Windows they do not wait."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in names})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_foreground() -> bool:
    """Return whether the terminal sends the signals of keys such as Ctrl+C to this process group."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
