"""Shows on a terminal that a command waits for the broker, if that takes long.

Shows nothing in a pipe or in a thread.
"""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

from jitney.client.processes.unsignalled import start_unsignalled

_AFTER_SECONDS = 1.0


@contextmanager
def asking_note() -> Generator[None]:
    """Show a note on standard error while the block takes longer than a second."""
    if threading.current_thread() is not threading.main_thread() or not sys.stderr.isatty():
        yield
        return
    ended, timer = threading.Event(), threading.Thread(target=lambda: _show_until(ended), daemon=True)
    start_unsignalled(timer)
    try:
        yield
    finally:
        ended.set()
        timer.join()


def _show_until(ended: threading.Event) -> None:
    if ended.wait(_AFTER_SECONDS):
        return
    from rich.console import Console  # noqa: PLC0415 - it loads slowly, and most answers come sooner

    with Console(stderr=True).status("Waiting for the broker"):
        ended.wait()
