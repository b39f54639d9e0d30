"""A flag that signal handlers can set."""

from queue import Empty, SimpleQueue


class EndFlag:
    """A flag for the end of a process. Once it is set, it stays set.

    A signal handler may interrupt `wait`, and another handler. The lock of `threading.Event` is then held by the same
    thread, which would wait for itself. `SimpleQueue.put` is reentrant
    (https://docs.python.org/3/library/queue.html#simplequeue-objects).
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Set the flag."""
        self._queue.put(None)

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether the flag is set, after at most `seconds`. With None, wait until it is set."""
        try:
            self._queue.get(timeout=seconds)
        except Empty:
            return False
        self._queue.put(None)
        return True
