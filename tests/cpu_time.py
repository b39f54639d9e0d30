"""Bounds the processor time of a block of a test."""

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

_REFERENCE_SECONDS = 0.02
"""What `_reference` takes on the machine for which the bounds were set, without other work beside it."""


@contextmanager
def within_cpu_seconds(most: float) -> Iterator[None]:
    """Fail if the block takes more of the processor than `most` seconds.

    On a slower machine, or beside other work, the bound is higher: as much as a reference takes longer there, before or
    after the block. The garbage collector waits: in a run of all tests it takes seconds to search the objects of all of
    them.
    """
    gc.disable()
    try:
        before = _cpu_seconds_of_reference()
        began = time.process_time()
        yield
        taken = time.process_time() - began
        slowness = max(1, before / _REFERENCE_SECONDS, _cpu_seconds_of_reference() / _REFERENCE_SECONDS)
    finally:
        gc.enable()
    assert taken < most * slowness, f"{taken:.2f} seconds, on a machine that takes {slowness:.1f} times as long"


def _cpu_seconds_of_reference() -> float:
    began = time.process_time()
    text = json.dumps([{"name": str(number), "values": [number] * 5} for number in range(250)])
    for _ in range(56):
        json.loads(text.replace('"name"', '"other"'))
        sum(len(part) for part in text.split(","))
    return time.process_time() - began
