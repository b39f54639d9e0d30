"""Bounds the processor time of a block of a test."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def within_cpu_seconds(most: float) -> Iterator[None]:
    """Fail if the block takes more of the processor than `most` seconds.

    The garbage collector waits: in a run of all tests it takes seconds to search the objects of all of them.
    """
    gc.disable()
    began = time.process_time()
    try:
        yield
        taken = time.process_time() - began
    finally:
        gc.enable()
    assert taken < most, f"{taken:.2f} seconds"
