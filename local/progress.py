"""Progress of a command, on standard error: one line for each step, with its duration."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """Shows the steps of a command. If standard error is not a terminal, it writes only finished steps."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show `what` while the block runs, and its duration afterwards."""
        start = time.monotonic()
        with self._console.status(what):
            yield
        self._console.print(f"[green]\u2713[/green] {what} [dim]{time.monotonic() - start:.1f} s[/dim]")

    def say(self, line: str) -> None:
        """Write a line."""
        self._console.print(line, markup=False, soft_wrap=True)

    def fail(self, message: str) -> None:
        """Write an error."""
        self._console.print("[bold red]Error:[/bold red]", end=" ")
        self._console.print(message, markup=False, soft_wrap=True)
