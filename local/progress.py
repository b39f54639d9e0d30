"""Telling a person what is going on, on standard error: one line a step, with how long it took."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """Steps of a command. Where standard error is no terminal, only the lines of finished steps are written."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show `what` while the block runs, and its time once it has run."""
        start = time.monotonic()
        with self._console.status(what):
            yield
        self._console.print(f"[green]\u2713[/green] {what} [dim]{time.monotonic() - start:.1f} s[/dim]")

    def say(self, line: str) -> None:
        """Write a line."""
        self._console.print(line, markup=False, soft_wrap=True)

    def fail(self, message: str) -> None:
        """Write what went wrong."""
        self._console.print("[bold red]Error:[/bold red]", end=" ")
        self._console.print(message, markup=False, soft_wrap=True)
