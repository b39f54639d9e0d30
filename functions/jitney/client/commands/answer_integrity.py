"""How `jitney audit query`, `who` and `show` check the integrity of their answers, and their options for it."""

import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client.commands.audit import Trusted
from jitney.client.inputs.optional import load_extra
from jitney.client.terminal.command_result import audit_screen

__all__ = ["Check", "Trusted", "checked_answer", "exit_by", "marked_rows"]
Check = Annotated[
    bool,
    typer.Option("--check/--no-check", help="Check the records and calls behind the answer, or only print it."),
]
_TITLE = "The answer was not checked"


def checked_answer(
    stack: Path | None,
    keys: Sequence[str] | None,
    location: Any,
    since: date | None,
    until: date | None,
    *,
    check: bool,
    quiet: bool = False,
    last: date | None = None,
) -> Any:
    """Return the integrity of an answer from these days, an `AnswerIntegrity` of core. Raises Invalid.

    `location` is the `AthenaLocation` where the queries ran. Progress is shown, unless `quiet`.
    """
    if not check:
        from jitney.core.integrity.answer_integrity import unchecked  # noqa: PLC0415 - seldom used

        return unchecked("--no-check was given.")
    found = load_extra("jitney.client.audit.answer_check", "audit", _TITLE)
    sources, now = found.answer_sources(stack, tuple(keys or ()), location), int(time.time())
    if quiet:
        return found.check_answer(sources, since, until, lambda *_: None, now, last)
    with audit_screen().reading() as progress:
        return found.check_answer(sources, since, until, progress, now, last)


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
