"""Writes of the state table that fail before or after they take effect, or that meet another write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jitney.core.problems import Problem
from tests.fakes import MemoryStore

FAULTS = ("", "", "", "fails", "is lost")
"""What happens to a write: nothing, a failure before it, or a lost answer after it."""


class FaultyWrites:
    """Makes one write of a store fail. `hit` says whether it met the fault, `took_effect` whether it was written.

    `meanwhile` runs once, before the next write.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.hit = self.took_effect = False
        self.meanwhile: Callable[[], None] | None = None
        self._fault = self._method = ""
        for method in ("save", "create_grant"):
            self._wrap(store, method)

    @contextmanager
    def next_write(self, method: str, fault: str) -> Iterator[None]:
        """Let the next call of a method of the store meet the fault."""
        self.hit = self.took_effect = False
        self._method, self._fault = method, fault
        try:
            yield
        finally:
            self._fault = ""

    def _wrap(self, store: MemoryStore, method: str) -> None:
        write = getattr(store, method)

        def faulty(*arguments: Any, **more: Any) -> None:
            meanwhile, self.meanwhile = self.meanwhile, None
            if meanwhile:
                meanwhile()
            fault = self._fault if method == self._method else ""
            if fault == "fails":
                self._fail()
            write(*arguments, **more)
            if fault:
                self.took_effect = True
                self._fail()

        setattr(store, method, faulty)

    def _fail(self) -> None:
        self._fault, self.hit = "", True
        raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
