"""The options of `jitney audit query`, `who` and `show`: where their answers come from, and how they are checked."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer

from jitney.client.commands.audit_options import Database, Stack, Trusted, Workgroup
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import audit_screen, print_json

Check = Annotated[
    bool,
    typer.Option("--check/--no-check", help="Check the records and calls behind the answer, or only print it."),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV. No cell can be a formula.")]
_TITLE = "The answer was not checked"


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """Where an answer comes from, and whether its integrity is checked."""

    stack: Stack = None
    workgroup: Workgroup = ""
    database: Database = ""
    check: Check = True
    key: Trusted = None

    def athena(self, title: str) -> tuple[Any, Any]:
        """Return the `AthenaLocation` of the queries, and Athena there. Raises Invalid with this title."""
        queries = load_extra("jitney.client.audit.named_queries", "audit", title)
        athena = load_extra("jitney.client.audit.athena", "audit", title)
        location = queries.athena_location(self.workgroup, self.database, self.stack)
        return location, athena.connected(location)

    def checked(
        self, location: Any, since: date | None, until: date | None, *, quiet: bool = False, last: date | None = None
    ) -> Any:
        """Return the integrity of an answer from these days, an `AnswerIntegrity` of core. Raises Invalid.

        `location` is the `AthenaLocation` where the queries ran. Progress is shown, unless `quiet`.
        """
        if not self.check:
            from jitney.core.integrity.answer_integrity import unchecked  # noqa: PLC0415 - seldom used

            return unchecked("--no-check was given.")
        found = load_extra("jitney.client.audit.answer_check", "audit", _TITLE)
        sources, now = found.answer_sources(self.stack, tuple(self.key or ()), location), int(time.time())
        if quiet:
            return found.check_answer(sources, since, until, lambda *_: None, now, last)
        with audit_screen().reading() as progress:
            return found.check_answer(sources, since, until, progress, now, last)


def require_one_format(*, as_csv: bool, as_json: bool) -> None:
    """Raise Invalid if both formats are given."""
    if as_csv and as_json:
        raise invalid("--csv and --json exclude each other.", "Give one of them.")


def print_checked(
    document: Mapping[str, Any],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    integrity: Any,
    warnings: Iterable[str],
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Print the rows of an answer with their integrity and the `warnings`, or the `document` with them as JSON."""
    if as_json:
        members = [dict(zip(columns, row, strict=True)) for row in rows]
        print_json({**document, "rows": members, "integrity": integrity.document()})
        return
    if as_csv:
        from jitney.core.csv_text import csv_text  # noqa: PLC0415 - only used here

        typer.echo(csv_text(columns, rows), nl=False)
    else:
        audit_screen().table(columns, rows)
    audit_screen().integrity(integrity.document())
    audit_screen().warnings(warnings)


def marked_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], integrity: Any) -> tuple[list[str], Any]:
    """Return the columns and rows, with the state of the records of each row's grant if it is known."""
    marked: tuple[list[str], Any] = load_extra("jitney.client.audit.answer_check", "audit", _TITLE).marked(
        columns, rows, integrity
    )
    return marked


def exit_by(integrity: Any) -> None:
    """Exit with the code for a broken or unverified answer. Return for other answers."""
    if integrity.exit_code:
        raise typer.Exit(integrity.exit_code)
