"""Output of `jitney policy` for people."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from jitney.client.terminal.screen import EFFECTS, Screen
from jitney.core.printable import strip_control_characters
from jitney.core.quantities import quantity


class KindsTable(NamedTuple):
    """The most frequent kinds of changes as rows, and how many kinds there are."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    kinds: int


class PolicyScreen(Screen):
    """Writes what the commands found about policies. `most_changes` bounds a table of changes."""

    most_changes = 20

    @contextmanager
    def progress(self) -> Generator[Callable[[str, int, int], None]]:
        """Show a progress bar on standard error. Call the result with what is done, the count and the total."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as bar:
            task = bar.add_task("reading", total=None)
            yield lambda what, count, whole: bar.update(task, description=what, completed=count, total=whole)

    def replay(self, result: Mapping[str, Any], rows: Iterable[tuple[str, str]], table: KindsTable) -> None:
        """Print the counts of a replay and the most frequent changes."""
        changed = len(result["changes"])
        words, style = ("Changed", "bold yellow") if changed else ("Unchanged", "bold green")
        if not result["replayed"]:
            words, style = "Not replayed", "bold yellow"
        self.heading(words, style, f"{changed:,} of {result['replayed']:,} recorded decisions would change")
        self._kinds(rows, table, "changes; use --json for each change")

    def shadow(self, result: Mapping[str, Any], rows: Iterable[tuple[str, str]], table: KindsTable) -> None:
        """Print the counts of the shadow's answers, and the most frequent differences."""
        differing = len(result["changes"])
        words, style = ("Different", "bold yellow") if differing or result["errors"] else ("Equal", "bold green")
        if not result["compared"]:
            words, style = "No shadow", "bold yellow"
        self.heading(words, style, f"{differing:,} of {result['compared']:,} recorded decisions differ")
        self._kinds(rows, table, "changes; use --json for each change")

    def compared(self, rows: Iterable[tuple[str, str]], table: KindsTable, *, partial: bool) -> None:
        """Print how much of two versions was compared, and an example of each difference.

        `partial` says that decisions that were not compared may differ.
        """
        words, style = ("Different", "bold yellow") if table.kinds else ("No decision differs", "bold green")
        if partial and not table.kinds:
            words, style = "No difference found", "bold yellow"
        self.heading(words, style, f"{quantity(table.kinds, 'kind')} of differences")
        self._kinds(rows, table, "differences; use --json for all")

    def _kinds(self, rows: Iterable[tuple[str, str]], table: KindsTable, more: str) -> None:
        self.rows(rows)
        if table.rows:
            self.table(table.columns, table.rows)
        if table.kinds > len(table.rows):
            self.note(f"{table.kinds - len(table.rows):,} more kinds of {more}")

    def explained(
        self, result: Mapping[str, Any], rows: Iterable[tuple[str, str]], deciding: Iterable[tuple[str, str, str]]
    ) -> None:
        """Print the answer, then each policy that decided with its text."""
        words, style = EFFECTS[result["effect"]]
        self.heading(words, style, f"by {', '.join(dict.fromkeys(each['policy'] for each in result['reasons']))}")
        self.rows(rows)
        for name, sentence, text in deciding:
            self.rows([("because", f"{name}: {sentence}")])
            for line in text.splitlines():
                self.out.print(Text(f"    {strip_control_characters(line)}", style="dim"))

    def suggested(self, policies: str, rows: Iterable[tuple[str, str]], folder: Path | None) -> None:
        """Print suggested policies on standard output, and what they cover on standard error.

        Policies in a `folder` are not printed.
        """
        if folder:
            self.line(f"Wrote {folder}")
        else:
            for line in policies.splitlines():
                self.line(line)
        for name, value in rows:
            if value:
                self.note(f"  {name:9} {value}")
