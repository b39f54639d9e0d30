"""Output of `jitney audit` for people."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from rich.filesize import decimal
from rich.text import Text

from jitney.client.terminal import verification_rows
from jitney.client.terminal.screen import Screen
from jitney.core.printable import strip_control_characters
from jitney.core.quantities import quantity

_VERDICTS = {
    "verified": ("Verified", "bold green"),
    "broken": ("Broken", "bold red"),
    "unverified": ("Not verified", "bold yellow"),
}
_INTEGRITY = _VERDICTS | {
    "sealed": ("Sealed", "bold green"),
    "not yet": ("Not yet sealed", "bold yellow"),
    "unchecked": ("Not checked", "bold yellow"),
}
_NO_FILES = "CloudTrail delivered no file on these days; check --since, --until and the trail"


class AuditScreen(Screen):
    """Writes what the audit commands found."""

    def verification(self, result: Mapping[str, Any]) -> None:
        """Print the result of `jitney audit verify`: the verdict, the failures and the coverage."""
        words, style = _VERDICTS[result["verdict"]]
        self.heading(words, style, "records in S3, checked against their seals")
        self.rows(verification_rows.failures(result))
        self.rows(verification_rows.coverage(result))

    def backfill(self, summary: Mapping[str, Any]) -> None:
        """Print what `jitney audit backfill` read, sent and skipped, and why."""
        left_out = summary["skipped"] or summary["unread"]
        words, style = ("Incomplete", "bold yellow") if left_out else ("Complete", "bold green")
        nothing = not summary["files"] and not left_out
        if nothing:
            words, style = "No files", "bold yellow"
        verb = "would be sent" if summary["dry_run"] else "sent"
        self.heading(words, style, f"{quantity(summary['sent'], 'event')} of Jitney's roles {verb}")
        others = f", and {quantity(summary['other_files'], 'other object')}" if summary["other_files"] else ""
        self.rows(
            [("read", f"{quantity(summary['files'], 'file')} with {quantity(summary['events'], 'event')}{others}")]
        )
        self.rows(("skipped", f"{count} {reason}") for reason, count in summary["skipped"].items())
        self.rows(("not read", f"{each['file']} {each['reason']}") for each in summary["unread"])
        self.rows([("because", _NO_FILES if nothing else "")])
        if summary["sent"] and not summary["dry_run"]:
            self.rows([("next", "verdicts follow within minutes: jitney audit query bypasses")])

    def redrive(self, summary: Mapping[str, int]) -> None:
        """Print what `jitney audit redrive` sent or published again, and what remains."""
        left = any(summary[name] for name in ("misplaced", "unreadable", "too_old", "in_flight"))
        words, style = ("Incomplete", "bold yellow") if left else ("Complete", "bold green")
        self.heading(words, style, "redrive of dead letters")
        again = f"{quantity(summary['records'], 'record')} and {quantity(summary['calls'], 'call')}"
        letters = f", for {quantity(summary['dead_letters'], 'dead letter')}" if summary["dead_letters"] else ""
        self.rows([("events", f"{quantity(summary['trail_events'], 'CloudTrail event')} sent back to the queue")])
        self.rows([("published", f"{again} again{letters}")])
        if summary["misplaced"]:
            self.rows([("skipped", f"{quantity(summary['misplaced'], 'item')} with a text that does not fit the key")])
        if summary["too_old"]:
            self.rows(
                [("too old", f"{quantity(summary['too_old'], 'record')}: only those of the last 96 days are published")]
            )
        if summary["unreadable"]:
            self.rows([("left", f"{quantity(summary['unreadable'], 'unreadable dead letter')}")])
        if summary["in_flight"]:
            letters = (
                f"{quantity(summary['in_flight'], 'dead letter')}, received by another run or by one that was killed"
            )
            self.rows([("in flight", letters), ("next", "repeat the command after 15 minutes")])

    def queries(self, queries: Mapping[str, Any]) -> None:
        """Print the named queries with their parameters and descriptions."""
        for each in queries["queries"]:
            parameters = "".join(f" --param {one['name'].replace(' ', '-').upper()}" for one in each["parameters"])
            self.out.print(
                Text.assemble(
                    (strip_control_characters(each["name"]), "bold"),
                    (strip_control_characters(parameters), "cyan"),
                )
            )
            self.out.print(Text(f"  {strip_control_characters(each['description'])}"))

    def took(self, description: str, count: int, bytes_read: int, seconds: float) -> None:
        """Print the query's description and cost to standard error."""
        many = quantity(count, "row")
        self.note(description)
        self.note(f"{many}, from {decimal(bytes_read)} read in {seconds:.1f} s")

    def integrity(self, found: Mapping[str, Any]) -> None:
        """Print the integrity of an answer to standard error: its state, and the sentences that explain it."""
        word, style = _INTEGRITY[found["state"]]
        sentences = [strip_control_characters(each) for each in found["sentences"]]
        self.err.print(Text.assemble((word, style), ("  records and calls behind this answer", "dim")))
        for each in sentences:
            self.note(f"  {each}")

    def warnings(self, sentences: Iterable[str]) -> None:
        """Print what may be missing in an answer to standard error."""
        for each in sentences:
            self.err.print(Text(f"Warning: {strip_control_characters(each)}", style="bold yellow"))

    @contextmanager
    def querying(self, name: str) -> Generator[Callable[[str, float, int], None]]:
        """Show the progress of a query on standard error. Call the result with state, seconds and bytes."""
        with self.err.status(f"{name}: started") as status:
            yield lambda state, seconds, read: status.update(f"{name}: {state}, {seconds:.0f} s, {decimal(read)} read")

    @contextmanager
    def reading(self) -> Generator[Callable[[str, int, int], None]]:
        """Show the progress of reading on standard error. Call the result with what is read, count and total."""
        with self.err.status("reading seals") as status:
            yield lambda what, count, whole: status.update(f"reading {what}: {count} of {whole}")
