"""Runs functions that may wait for reviewers, each in a thread of its own.

The threads of an event loop's executor are few. Waits of hours would use them up, and then the program's own calls in
threads, such as the look-up of a name, would wait too.
"""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def started(function: Callable[[], T]) -> Future[T]:
    """Return the future result of the function, which a new thread runs in a copy of this context.

    The future cannot be cancelled. Python waits for the thread before it exits.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001 - the caller gets it from the future
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="jitney-wait").start()
    return future
